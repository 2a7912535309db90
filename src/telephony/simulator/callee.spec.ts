import { Callee, type CalleeScript } from './callee.js';
import { type FarEnd, type FarEndMoment } from './far-end.js';

/** Plays moments to a far end and records its actions, with their milliseconds from the answer. */
class FarEndHarness {
  readonly actions: [ms: number, action: string][] = [];
  private ms = 0;

  constructor(private readonly farEnd: FarEnd) {}

  for(ms: number, { agent = '', speaking = false } = {}): this {
    const moment: FarEndMoment = { agentSpeaks: agent !== '', isSpeaking: speaking, transcribeAgent: () => this.words };
    this.words = agent || this.words;
    for (const until = this.ms + ms; this.ms < until;) {
      this.ms += 20;
      const action = this.farEnd.next(moment);
      if (!action) continue;
      const field = { say: 'text', press: 'key', hang_up: '', beep: '', signal: '' }[action.type];
      this.actions.push([this.ms, field ? (action as unknown as Record<string, string>)[field]! : action.type]);
      this.words = '';
    }
    return this;
  }

  private words = '';
}

const two = [{ say: 'First' }, { say: 'Second' }];
const withCallee = (lines: CalleeScript['lines'] = two, then: CalleeScript['then'] = 'hang up'): FarEndHarness =>
  new FarEndHarness(new Callee({ lines, then }));
const agent = { agent: 'Hello there' };
const speaking = { speaking: true };

describe('Callee', () => {
  it('says one line at each pause of the agent', () => {
    const { actions } = withCallee()
      .for(2_000, agent)
      .for(700)
      .for(1_000, speaking)
      .for(500)
      .for(1_000, agent)
      .for(700);
    expect(actions).toEqual([
      [2_600, 'First'],
      [5_800, 'Second'],
    ]);
  });

  it('does not take a breath of the agent for a pause', () => {
    const { actions } = withCallee().for(1_000, agent).for(560).for(1_000, agent).for(600);
    expect(actions).toEqual([[3_160, 'First']]);
  });

  it('speaks first when the agent is silent, and again when no reply comes', () => {
    const { actions } = withCallee().for(4_100).for(1_000, speaking).for(8_100);
    expect(actions).toEqual([
      [4_000, 'First'],
      [13_100, 'Second'],
    ]);
  });

  it('does not take speech during its own for a reply', () => {
    const { actions } = withCallee()
      .for(1_000, agent)
      .for(600)
      .for(500, { ...agent, ...speaking })
      .for(5_000);
    expect(actions).toEqual([[1_600, 'First']]);
  });

  it('leaves the hang-up to the agent, but not for ever', () => {
    const { actions } = withCallee([]).for(1_000, agent).for(4_980).for(1_000, agent).for(6_000);
    expect(actions).toEqual([[11_980, 'hang_up']]);
  });

  it('says nothing after a goodbye', () => {
    const { actions } = withCallee().for(1_000, { agent: 'That was all. Goodbye!' }).for(5_700);
    expect(actions).toEqual([[6_000, 'hang_up']]);
  });

  it('interrupts the agent where its script says so', () => {
    const { actions } = withCallee([{ say: 'Stop', interruptsAfterMs: 500 }]).for(3_000, agent);
    expect(actions).toEqual([[500, 'Stop']]);
  });

  it('presses keys one after the other, without words in between', () => {
    const { actions } = withCallee([{ press: '12#' }, { say: 'Bye' }])
      .for(1_000, agent)
      .for(1_200)
      .for(1_000, agent)
      .for(700);
    expect(actions).toEqual([
      [1_600, '1'],
      [1_800, '2'],
      [2_000, '#'],
      [3_800, 'Bye'],
    ]);
  });

  it('repeats its last line for ever with `go on`, even after a goodbye', () => {
    const farewell = { agent: 'Goodbye!' };
    const { actions } = withCallee(two, 'go on')
      .for(500, agent)
      .for(600)
      .for(500, agent)
      .for(600)
      .for(500, farewell)
      .for(8_700);
    expect(actions.map(([, what]) => what)).toEqual(['First', 'Second', 'Second', 'Second']);
  });

  it('stays silent on the line with `be silent`', () => {
    expect(withCallee([], 'be silent').for(5_000, agent).for(600_000).actions).toEqual([]);
  });
});
