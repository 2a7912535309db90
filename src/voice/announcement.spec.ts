import { jest } from '@jest/globals';
import { Announcement, type AnnouncementEnd, type AnnouncementScript } from './announcement.js';
import { type AudioPort } from '../lib/audio/index.js';

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

/** A line that plays when a test calls `played`. */
class TestLine implements AudioPort {
  readonly written: string[] = [];
  private marks: ((outcome: 'played' | 'cleared') => void)[] = [];

  listen(): () => void {
    return () => undefined;
  }

  write(pcm: Int16Array): void {
    this.written.push(NAMES.get(pcm) ?? 'something else');
  }

  mark(): Promise<'played' | 'cleared'> {
    return new Promise((resolve) => this.marks.push(resolve));
  }

  clear(): Promise<{ playedMs: number }> {
    this.written.push('cleared');
    this.settle('cleared');
    return Promise.resolve({ playedMs: 0 });
  }

  /** Plays all that was written. */
  played(): Promise<void> {
    this.settle('played');
    return settled();
  }

  private settle(outcome: 'played' | 'cleared'): void {
    for (const resolve of this.marks.splice(0)) resolve(outcome);
  }
}

/** Waits until pending promises have settled. */
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
    void announcement.ended.then((end) => ends.push(end));
  };
  const pass = async (ms: number) => {
    jest.advanceTimersByTime(ms);
    await settled();
  };

  describe('to a person', () => {
    it('plays the notice, then the greeting', () => {
      begin({ notice });
      expect(line.written).toEqual(['notice', 'greeting']);
    });

    it('stays for its listening time after the greeting, and ends', async () => {
      begin();
      await pass(600_000);
      expect(ends).toEqual([]);
      await line.played();
      await pass(29_999);
      expect(ends).toEqual([]);
      await pass(1);
      expect(ends).toEqual([{ reason: 'agent_hangup', detail: null }]);
    });

    it('ends at once without a listening time', async () => {
      begin({ listenMs: 0 });
      await line.played();
      await pass(0);
      expect(ends).toHaveLength(1);
    });

    it('continues when a machine is treated like a person', async () => {
      begin({ onMachine: 'carry_on' });
      await announcement.machineDetected();
      await announcement.beepDetected();
      await announcement.silenceDetected();
      expect(line.written).toEqual(['greeting']);
      await line.played();
      await pass(30_000);
      expect(ends).toEqual([{ reason: 'agent_hangup', detail: null }]);
    });

    it('ignores silence, which is no sign of a machine', async () => {
      begin();
      await announcement.silenceDetected();
      expect([line.written, ends]).toEqual([['greeting'], []]);
    });
  });

  describe('to a machine that gets no message', () => {
    it('ends when the machine is detected', async () => {
      begin({ onMachine: 'hang_up' });
      await announcement.machineDetected();
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: 'A machine answered' }]);
    });

    it('ends at the beep when that is the first sign of a machine', async () => {
      begin({ onMachine: 'hang_up' });
      await announcement.beepDetected();
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: 'A machine answered' }]);
      expect(line.written).toEqual(['greeting']);
    });

    it('ends during its listening time, too', async () => {
      begin({ onMachine: 'hang_up' });
      await line.played();
      await announcement.machineDetected();
      await pass(30_000);
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: 'A machine answered' }]);
    });
  });

  describe('to a machine that gets a message', () => {
    it.each([
      ['beepDetected', 'after the beep'],
      ['silenceDetected', 'after the greeting'],
    ] as const)('stops speaking, waits for %s and leaves it', async (signal, when) => {
      begin({ notice });
      await announcement.machineDetected();
      expect(line.written).toEqual(['notice', 'greeting', 'cleared']);
      void announcement[signal]();
      await settled();
      expect(line.written.slice(3)).toEqual(['message']);
      expect(ends).toEqual([]);
      await line.played();
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: `A message was left ${when}` }]);
    });

    it('plays it after a beep that is the first sign of a machine', async () => {
      begin();
      void announcement.beepDetected();
      await settled();
      expect(line.written).toEqual(['greeting', 'cleared', 'message']);
      await line.played();
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: 'A message was left after the beep' }]);
    });

    it('plays the greeting when there is no message', async () => {
      begin({ message: undefined });
      await announcement.machineDetected();
      void announcement.beepDetected();
      await settled();
      expect(line.written).toEqual(['greeting', 'cleared', 'greeting']);
    });

    it('ends without a message when there is neither', async () => {
      begin({ message: undefined, greeting: undefined });
      await announcement.machineDetected();
      await announcement.beepDetected();
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail: 'A machine answered; there is no message' }]);
    });

    it('ends without a message when neither a beep nor silence comes within a minute', async () => {
      begin();
      await announcement.machineDetected();
      await pass(59_999);
      expect(ends).toEqual([]);
      await pass(1);
      const detail = 'A machine answered; neither a beep nor silence was heard, so no message was left';
      expect(ends).toEqual([{ reason: 'voicemail_reached', detail }]);
      expect(line.written).not.toContain('message');
    });

    it('plays a message of any length', async () => {
      begin();
      await announcement.machineDetected();
      void announcement.beepDetected();
      await settled();
      await pass(600_000);
      expect(ends).toEqual([]);
    });

    it('plays one message only when signals are repeated', async () => {
      begin();
      await announcement.machineDetected();
      await announcement.machineDetected();
      for (const signal of ['beepDetected', 'beepDetected', 'silenceDetected', 'machineDetected'] as const)
        void announcement[signal]();
      await settled();
      expect(line.written).toEqual(['greeting', 'cleared', 'message']);
    });

    it('reports no message that was not played to its end', async () => {
      begin();
      await announcement.machineDetected();
      void announcement.beepDetected();
      await settled();
      await line.clear();
      await settled();
      expect(ends).toEqual([]);
    });

    it('ends the listening time for a person', async () => {
      begin();
      await line.played();
      await announcement.machineDetected();
      await pass(30_000);
      expect(ends).toEqual([]);
    });
  });

  describe('that was stopped', () => {
    it.each([
      ['while it speaks', () => undefined],
      ['while it listens', () => line.played()],
      ['while it waits for the beep', () => announcement.machineDetected()],
      [
        'while it leaves a message',
        async () => {
          await announcement.machineDetected();
          void announcement.beepDetected();
        },
      ],
    ])('%s never ends by itself, and says no more', async (_, before) => {
      begin();
      await before();
      await settled();
      announcement.stop();
      const written = [...line.written];
      await line.played();
      await pass(600_000);
      for (const signal of ['machineDetected', 'beepDetected', 'silenceDetected'] as const)
        await announcement[signal]();
      expect([line.written, ends]).toEqual([written, []]);
    });
  });
});
