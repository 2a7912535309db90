import { AnsweringMachine } from './answering-machine.js';
import { type FarEndAction } from './far-end.js';

interface Scene {
  greetingMs?: number;
  /** The agent's speech, milliseconds after the beep. */
  message?: [fromMs: number, toMs: number];
}

/** The actions of a machine until it hangs up, with their milliseconds from the answer. */
function call({ greetingMs = 4_000, message = [0, 0] }: Scene = {}): [ms: number, action: FarEndAction][] {
  const machine = new AnsweringMachine('Leave a message.');
  const done: [number, FarEndAction][] = [];
  let speaksUntil = 0;
  let beepedAt = Infinity;
  for (let ms = 20; ms < 120_000 && done.at(-1)?.[1].type !== 'hang_up'; ms += 20) {
    const sinceBeep = ms - beepedAt;
    const agentSpeaks = sinceBeep > message[0] && sinceBeep <= message[1];
    const action = machine.next({ agentSpeaks, isSpeaking: ms <= speaksUntil, transcribeAgent: () => '' });
    if (!action) continue;
    done.push([ms, action]);
    if (action.type === 'say') speaksUntil = ms + greetingMs;
    if (action.type === 'beep') speaksUntil = ms + 400;
    if (action.type === 'signal' && action.signal.type === 'beep') beepedAt = ms;
  }
  return done;
}

const actionsOf = (done: ReturnType<typeof call>): [number, string][] =>
  done.map(([ms, action]) => [ms, action.type === 'signal' ? action.signal.type : action.type]);
const endOf = (done: ReturnType<typeof call>): [number, string | null] => {
  const [beepAt = NaN] = done.find(([, action]) => action.type === 'signal' && action.signal.type === 'beep') ?? [];
  const [ms, action] = done.at(-1)!;
  return [ms - beepAt, action.type === 'hang_up' ? action.end.detail : 'goes on'];
};

describe('AnsweringMachine', () => {
  it('plays its greeting, is detected, beeps, and hangs up on silence', () => {
    expect(actionsOf(call())).toEqual([
      [500, 'say'],
      [3_000, 'answered_by'],
      [4_800, 'beep'],
      [5_220, 'beep'],
      [6_420, 'greeting_over'],
      [10_220, 'hang_up'],
    ]);
  });

  it('is not detected by a short greeting', () => {
    expect(actionsOf(call({ greetingMs: 1_000 })).map(([, what]) => what)).not.toContain('answered_by');
  });

  it('records a message and hangs up after it', () => {
    expect(endOf(call({ message: [500, 6_000] }))).toEqual([11_000, 'A machine answered and took a message']);
    expect(endOf(call())).toEqual([5_000, 'A machine answered']);
  });

  it('records at most 30 s', () => {
    expect(endOf(call({ message: [0, 60_000] }))).toEqual([30_000, 'A machine answered and took a message']);
  });
});
