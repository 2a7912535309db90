import { jest } from '@jest/globals';
import { Announcement, type AnnouncementEnd, type AnnouncementScript } from './announcement.js';
import { type ConversationLine } from '../lib/audio/index.js';

const [notice, greeting, message] = [1, 2, 3].map((sample) => Int16Array.of(sample)) as [
  Int16Array,
  Int16Array,
  Int16Array,
];
const NAMES = new Map<Int16Array, string>([
  [notice, 'notice'],
  [greeting, 'greeting'],
  [message, 'message'],
]);

/** A line that plays when it is told to. */
class TestLine implements ConversationLine {
  readonly heard: string[] = [];
  private marks: ((outcome: 'played' | 'cleared') => void)[] = [];

  listen(): () => void {
    return () => undefined;
  }

  write(pcm: Int16Array): void {
    this.heard.push(NAMES.get(pcm) ?? 'something else');
  }

  mark(): Promise<'played' | 'cleared'> {
    return new Promise((resolve) => this.marks.push(resolve));
  }

  clear(): Promise<{ playedMs: number }> {
    this.heard.push('cleared');
    this.settle('cleared');
    return Promise.resolve({ playedMs: 0 });
  }

  /** All that was written has been played. */
  played(): Promise<void> {
    this.settle('played');
    return settled();
  }

  private settle(outcome: 'played' | 'cleared'): void {
    for (const resolve of this.marks.splice(0)) resolve(outcome);
  }
}

/** Whatever waits for promises only has gone on. */
const settled = async () => {
  for (let n = 0; n < 20; n++) await Promise.resolve();
};

describe('an announcement', () => {
  let line: TestLine;
  let ends: AnnouncementEnd[];
  let announcement: Announcement;

  beforeEach(() => {
    jest.useFakeTimers();
    line = new TestLine();
    ends = [];
  });

  afterEach(() => {
    announcement.stop();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  const begin = (script: Partial<AnnouncementScript> = {}) => {
    const whole = { notice: undefined, greeting, onMachine: 'leave_message', message, listenMs: 30_000 } as const;
    announcement = new Announcement(line, { ...whole, ...script });
    void announcement.over.then((end) => ends.push(end));
  };
  const pass = async (ms: number) => {
    jest.advanceTimersByTime(ms);
    await settled();
  };

  describe('to a person', () => {
    it('says the notice first, then the greeting', () => {
      begin({ notice });
      expect(line.heard).toEqual(['notice', 'greeting']);
    });

    it('listens for its time after it has spoken, and ends', async () => {
      begin();
      await pass(600_000);
      expect(ends).toEqual([]);
      await line.played();
      await pass(29_999);
      expect(ends).toEqual([]);
      await pass(1);
      expect(ends).toEqual([{ reason: 'agent_hangup', detail: null }]);
    });

    it('ends at once when it is not to listen', async () => {
      begin({ listenMs: 0 });
      await line.played();
      await pass(0);
      expect(ends).toHaveLength(1);
    });

    it('goes on as if nothing were when a machine gets the same', async () => {
      begin({ onMachine: 'carry_on' });
      await announcement.machineHeard();
      await announcement.beepHeard();
      await announcement.silenceHeard();
      expect(line.heard).toEqual(['greeting']);
      await line.played();
      await pass(30_000);
      expect(ends).toEqual([{ reason: 'agent_hangup', detail: null }]);
    });

    it('takes no notice of silence, which is no machine', async () => {
      begin();
      await announcement.silenceHeard();
      expect([line.heard, ends]).toEqual([['greeting'], []]);
    });
  });

  describe('to a machine that gets nothing', () => {
    it('ends as soon as it is heard', async () => {
      begin({ onMachine: 'hang_up' });
      await announcement.machineHeard();
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: 'A machine answered' }]);
    });

    it('ends at the beep, when that is the first sign of it', async () => {
      begin({ onMachine: 'hang_up' });
      await announcement.beepHeard();
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: 'A machine answered' }]);
      expect(line.heard).toEqual(['greeting']);
    });

    it('ends while it listens, too', async () => {
      begin({ onMachine: 'hang_up' });
      await line.played();
      await announcement.machineHeard();
      await pass(30_000);
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: 'A machine answered' }]);
    });
  });

  describe('to a machine that gets a message', () => {
    it.each([
      ['beepHeard', 'after the beep'],
      ['silenceHeard', 'after the greeting'],
    ] as const)('stops speaking, waits for %s and leaves it', async (signal, when) => {
      begin({ notice });
      await announcement.machineHeard();
      expect(line.heard).toEqual(['notice', 'greeting', 'cleared']);
      void announcement[signal]();
      await settled();
      expect(line.heard.slice(3)).toEqual(['message']);
      expect(ends).toEqual([]);
      await line.played();
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: `A message was left ${when}` }]);
    });

    it('leaves it after a beep that is the first sign of a machine', async () => {
      begin();
      void announcement.beepHeard();
      await settled();
      expect(line.heard).toEqual(['greeting', 'cleared', 'message']);
      await line.played();
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: 'A message was left after the beep' }]);
    });

    it('leaves the greeting when there is no message', async () => {
      begin({ message: undefined });
      await announcement.machineHeard();
      void announcement.beepHeard();
      await settled();
      expect(line.heard).toEqual(['greeting', 'cleared', 'greeting']);
    });

    it('says that there is none when there is neither', async () => {
      begin({ message: undefined, greeting: undefined });
      await announcement.machineHeard();
      await announcement.beepHeard();
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: 'A machine answered; there is no message' }]);
    });

    it('claims no message when it hears neither a beep nor silence, and gives up after a minute', async () => {
      begin();
      await announcement.machineHeard();
      await pass(59_999);
      expect(ends).toEqual([]);
      await pass(1);
      const detail = 'A machine answered; neither a beep nor silence was heard, so no message was left';
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail }]);
      expect(line.heard).not.toContain('message');
    });

    it('does not give up while it leaves one, however long that is', async () => {
      begin();
      await announcement.machineHeard();
      void announcement.beepHeard();
      await settled();
      await pass(600_000);
      expect(ends).toEqual([]);
    });

    it('leaves one only, whatever is heard again', async () => {
      begin();
      await announcement.machineHeard();
      await announcement.machineHeard();
      for (const signal of ['beepHeard', 'beepHeard', 'silenceHeard', 'machineHeard'] as const)
        void announcement[signal]();
      await settled();
      expect(line.heard).toEqual(['greeting', 'cleared', 'message']);
    });

    it('claims none that was not played to its end', async () => {
      begin();
      await announcement.machineHeard();
      void announcement.beepHeard();
      await settled();
      await line.clear();
      await settled();
      expect(ends).toEqual([]);
    });

    it('forgets that it was listening to a person', async () => {
      begin();
      await line.played();
      await announcement.machineHeard();
      await pass(30_000);
      expect(ends).toEqual([]);
    });
  });

  describe('that was stopped', () => {
    it.each([
      ['while it speaks', () => undefined],
      ['while it listens', () => line.played()],
      ['while it waits for the beep', () => announcement.machineHeard()],
      [
        'while it leaves a message',
        async () => {
          await announcement.machineHeard();
          void announcement.beepHeard();
        },
      ],
    ])('%s never ends by itself, and says no more', async (_, before) => {
      begin();
      await before();
      await settled();
      announcement.stop();
      const heard = [...line.heard];
      await line.played();
      await pass(600_000);
      for (const signal of ['machineHeard', 'beepHeard', 'silenceHeard'] as const) await announcement[signal]();
      expect([line.heard, ends]).toEqual([heard, []]);
    });
  });
});
