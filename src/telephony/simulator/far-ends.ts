import { AnsweringMachine } from './answering-machine.js';
import { Callee, type CalleeLine, type CalleeScript } from './callee.js';
import { type FarEnd } from './far-end.js';
import { type FarEndName } from './simulator-numbers.js';
import { MACHINE_GREETING } from './timed-signals.js';

const ABOUT: CalleeLine = { say: 'Hello! What is this about?' };
const DETAILS: CalleeLine = { say: 'Yes. Could you send me the details by email?' };
const GOODBYE: CalleeLine = { say: 'No, that is all. Thank you, goodbye!' };
const callee =
  (then: CalleeScript['then'], ...lines: CalleeLine[]) =>
  () =>
    new Callee({ lines, then });

/**
 * The lines fit any first message of an agent, and form a conversation with the replies of the scripted model
 * (`SCRIPTED_RULES` in `voice/providers/scripted`): change both together.
 */
const FAR_ENDS: Readonly<Record<FarEndName, () => FarEnd>> = {
  person: callee('hang up', ABOUT, DETAILS, { say: 'Yes, please. Tuesday morning is best.' }, GOODBYE),
  interrupting: callee(
    'hang up',
    ABOUT,
    { say: 'Sorry, I am in a hurry. Can you make it short?', interruptsAfterMs: 1_700 },
    { say: 'Yes, please.' },
    GOODBYE,
  ),
  'asking for a person': callee(
    'hang up',
    { say: 'Hello! I would like to speak to a person, please.' },
    { say: 'Then please call me back. Goodbye!' },
  ),
  'pressing keys': callee('hang up', { press: '12#' }, GOODBYE),
  talkative: callee('go on', ABOUT, DETAILS, { say: 'Well, there is more to it.' }),
  silent: callee('be silent'),
  machine: () => new AnsweringMachine(MACHINE_GREETING),
};

export const createFarEnd = (name: FarEndName): FarEnd => FAR_ENDS[name]();
