import { AnsweringMachine } from './answering-machine.js';
import { type FarEndAction } from './far-end.js';

interface Scene {
  greetingMs?: number;
  /** When the agent speaks, milliseconds after the beep. */
  message?: [fromMs: number, toMs: number];
}

/** A call to it, until it hangs up: what it does, and when, milliseconds from the answer. */
function call({ greetingMs = 4_000, message = [0, 0] }: Scene = {}): [ms: number, action: FarEndAction][] {
  const machine = new AnsweringMachine('Leave a message.');
  const done: [number, FarEndAction][] = [];
  let speaksUntil = 0;
  let beepedAt = Infinity;
  for (let ms = 20; ms < 120_000 && done.at(-1)?.[1].type !== 'hang_up'; ms += 20) {
    const sinceBeep = ms - beepedAt;
    const agentSpeaks = sinceBeep > message[0] && sinceBeep <= message[1];
    const action = machine.next({ agentSpeaks, speaking: ms <= speaksUntil, words: () => '' });
    if (!action) continue;
    done.push([ms, action]);
    if (action.type === 'say') speaksUntil = ms + greetingMs;
    if (action.type === 'beep') speaksUntil = ms + 400;
    if (action.type === 'tell' && action.signal.type === 'beep') beepedAt = ms;
  }
  return done;
}

const told = (done: ReturnType<typeof call>): [number, string][] =>
  done.map(([ms, action]) => [ms, action.type === 'tell' ? action.signal.type : action.type]);
const ended = (done: ReturnType<typeof call>): [number, string | null] => {
  const [beepAt = NaN] = done.find(([, action]) => action.type === 'tell' && action.signal.type === 'beep') ?? [];
  const [ms, action] = done.at(-1)!;
  return [ms - beepAt, action.type === 'hang_up' ? action.end.detail : 'goes on'];
};

describe('an answering machine', () => {
  it('greets, is known for one, beeps, and hangs up on silence', () => {
    expect(told(call())).toEqual([
      [500, 'say'],
      [3_000, 'answered_by'],
      [4_800, 'beep'],
      [5_220, 'beep'],
      [6_420, 'greeting_over'],
      [10_220, 'hang_up'],
    ]);
  });

  it('with a short greeting sounds like a person, until it beeps', () => {
    expect(told(call({ greetingMs: 1_000 })).map(([, what]) => what)).not.toContain('answered_by');
  });

  it('takes a message, and hangs up when it is over', () => {
    expect(ended(call({ message: [500, 6_000] }))).toEqual([11_000, 'A machine answered and took a message']);
    expect(ended(call())).toEqual([5_000, 'A machine answered']);
  });

  it('takes 30 s of it', () => {
    expect(ended(call({ message: [0, 60_000] }))).toEqual([30_000, 'A machine answered and took a message']);
  });
});
