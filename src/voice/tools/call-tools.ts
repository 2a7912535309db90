import { type Tool } from './tool.js';

/** The actions on a call that tools use. */
export interface CallControl {
  sendDtmf(digits: string): Promise<void>;
  /** Connects the customer with another number. `detail` tells the model why it was refused. */
  transfer(to: string, signal: AbortSignal): Promise<{ status: 'connected' } | { status: 'refused'; detail: string }>;
}

export interface TransferTarget {
  number: string;
  /** For the model: the person or desk at this number. */
  description: string;
}

const TIMEOUT_MS = 10_000;
/** The ring timeout of the transfer is shorter; this one is for a transfer that never ends. */
const TRANSFER_TIMEOUT_MS = 150_000;

const object = (properties: Record<string, object>, required: string[] = []): object => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/** Says goodbye, and hangs up after that was played. */
export const endCall = (): Tool => ({
  definition: {
    name: 'end_call',
    description:
      'Ends the call, when everything is settled or the customer wants to stop. Say goodbye first or in `farewell`.',
    parameters: object({
      farewell: { type: 'string', description: 'Said last, if you have not said goodbye yet.' },
      reason: { type: 'string', description: 'Why the call ends, for the records.' },
    }),
  },
  timeoutMs: TIMEOUT_MS,
  run: ({ farewell, reason }, context) => {
    if (!context.spoken && typeof farewell === 'string') context.say(farewell);
    context.endAfterSpeech({ reason: 'agent_hangup', detail: typeof reason === 'string' ? reason : null });
    return Promise.resolve('The call ends.');
  },
});

/** Connects the customer with one of the targets and takes the agent off the line. A failure is a result for the model. */
export const transferCall = (targets: readonly TransferTarget[], call: Pick<CallControl, 'transfer'>): Tool => ({
  definition: {
    name: 'transfer_call',
    description: `Connects the customer with somebody else: ${targets
      .map(({ number, description }) => `${number} (${description})`)
      .join(', ')}. Tell the customer first.`,
    parameters: object({ to: { type: 'string', enum: targets.map(({ number }) => number) } }, ['to']),
  },
  timeoutMs: TRANSFER_TIMEOUT_MS,
  run: async ({ to }, context) => {
    const target = targets.find(({ number }) => number === to);
    if (!target) throw new Error(`Only these can be called: ${targets.map(({ number }) => number).join(', ')}`);
    await context.speechPlayed();
    const result = await context.undisturbed(() => call.transfer(target.number, context.signal));
    if (result.status === 'refused') return `Not connected: ${result.detail}. The customer is still with you.`;
    context.handOver();
    return 'The customer is connected.';
  },
});

/** Presses keys, for the menus of answering systems. */
export const sendDtmf = (call: Pick<CallControl, 'sendDtmf'>): Tool => ({
  definition: {
    name: 'send_dtmf',
    description: 'Presses keys of the telephone, for example in the menu of an answering system.',
    parameters: object({ digits: { type: 'string', pattern: '^[0-9A-D*#]{1,32}$' } }, ['digits']),
  },
  timeoutMs: TIMEOUT_MS,
  run: async ({ digits }, context) => {
    if (typeof digits !== 'string' || !/^[0-9A-D*#]{1,32}$/.test(digits)) {
      throw new Error('`digits` must be 1 to 32 of 0-9, A-D, * and #');
    }
    await context.speechPlayed();
    await context.undisturbed(() => call.sendDtmf(digits));
    return `Pressed ${digits}.`;
  },
});

/** Says a whole message to an answering machine, and hangs up. */
export const leaveVoicemail = (): Tool => ({
  definition: {
    name: 'leave_voicemail',
    description: 'Leaves a message with an answering machine after its beep, and ends the call.',
    parameters: object({ message: { type: 'string', description: 'The whole message.' } }, ['message']),
  },
  timeoutMs: TIMEOUT_MS,
  run: ({ message }, context) => {
    if (typeof message !== 'string' || message.trim() === '') throw new Error('`message` must be the words to say');
    context.say(message);
    context.endAfterSpeech({ reason: 'voicemail_reached', detail: 'A message was left' });
    return Promise.resolve('The message is left, then the call ends.');
  },
});
