import { Callee, type CalleeScript } from './callee.js';
import { type FarEnd, type FarEndMoment } from './far-end.js';

/** Lets a far end listen, and writes down what it does and when: milliseconds from the answer. */
class Bench {
  readonly done: [ms: number, what: string][] = [];
  private ms = 0;

  constructor(private readonly farEnd: FarEnd) {}

  for(ms: number, { agent = '', speaking = false } = {}): this {
    const moment: FarEndMoment = { agentSpeaks: agent !== '', speaking, words: () => this.words };
    this.words = agent || this.words;
    for (const until = this.ms + ms; this.ms < until;) {
      this.ms += 20;
      const action = this.farEnd.next(moment);
      if (!action) continue;
      const what = { say: 'text', press: 'key', hang_up: '', beep: '', tell: '' }[action.type];
      this.done.push([this.ms, what ? (action as unknown as Record<string, string>)[what]! : action.type]);
      this.words = '';
    }
    return this;
  }

  private words = '';
}

const two = [{ say: 'First' }, { say: 'Second' }];
const bench = (lines: CalleeScript['lines'] = two, then: CalleeScript['then'] = 'hang up'): Bench =>
  new Bench(new Callee({ lines, then }));
const agent = { agent: 'Hello there' };
const speaking = { speaking: true };

describe('a callee', () => {
  it('speaks when the agent has stopped for a moment, one line a turn', () => {
    const { done } = bench().for(2_000, agent).for(700).for(1_000, speaking).for(500).for(1_000, agent).for(700);
    expect(done).toEqual([
      [2_600, 'First'],
      [5_800, 'Second'],
    ]);
  });

  it('does not take a breath of the agent for the end', () => {
    const { done } = bench().for(1_000, agent).for(560).for(1_000, agent).for(600);
    expect(done).toEqual([[3_160, 'First']]);
  });

  it('speaks first when the agent does not, and again when there is no answer', () => {
    const { done } = bench().for(4_100).for(1_000, speaking).for(8_100);
    expect(done).toEqual([
      [4_000, 'First'],
      [13_100, 'Second'],
    ]);
  });

  it('takes nothing for an answer that the agent says meanwhile', () => {
    const { done } = bench()
      .for(1_000, agent)
      .for(600)
      .for(500, { ...agent, ...speaking })
      .for(5_000);
    expect(done).toEqual([[1_600, 'First']]);
  });

  it('leaves it to the agent to hang up, but not for ever', () => {
    const { done } = bench([]).for(1_000, agent).for(4_980).for(1_000, agent).for(6_000);
    expect(done).toEqual([[11_980, 'hang_up']]);
  });

  it('adds nothing to a goodbye', () => {
    const { done } = bench().for(1_000, { agent: 'That was all. Goodbye!' }).for(5_700);
    expect(done).toEqual([[6_000, 'hang_up']]);
  });

  it('interrupts where its script says so', () => {
    const { done } = bench([{ say: 'Stop', interruptsAfterMs: 500 }]).for(3_000, agent);
    expect(done).toEqual([[500, 'Stop']]);
  });

  it('presses keys one after the other, and nothing in between', () => {
    const { done } = bench([{ press: '12#' }, { say: 'Bye' }])
      .for(1_000, agent)
      .for(1_200)
      .for(1_000, agent)
      .for(700);
    expect(done).toEqual([
      [1_600, '1'],
      [1_800, '2'],
      [2_000, '#'],
      [3_800, 'Bye'],
    ]);
  });

  it('says its last line again and again where it does not want to go, goodbye or not', () => {
    const farewell = { agent: 'Goodbye!' };
    const { done } = bench(two, 'go on')
      .for(500, agent)
      .for(600)
      .for(500, agent)
      .for(600)
      .for(500, farewell)
      .for(8_700);
    expect(done.map(([, what]) => what)).toEqual(['First', 'Second', 'Second', 'Second']);
  });

  it('is silent where it has nothing to say, and stays', () => {
    expect(bench([], 'be silent').for(5_000, agent).for(600_000).done).toEqual([]);
  });
});
