import {
  ChoiceField,
  IntegerField,
  MapField,
  ObjectListField,
  PhoneNumberField,
  RuleField,
  schemaProblem,
  StrictShape,
  TextField,
} from '../lib/platform/index.js';
import { isPlainUrl } from '../provider-accounts/index.js';

export const TRANSFER_MODES = ['bridge', 'refer'] as const;
export type TransferMode = (typeof TRANSFER_MODES)[number];
export const HTTP_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Answers show this instead of a secret. Sent back in a change, it keeps the stored secret. */
export const SECRET_SHOWN = '********';

const MAX_TARGETS = 20;
const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const URL_RULE = 'must be an absolute http or https URL of at most 2000 characters, without credentials and fragment';
const NAME_RULE = 'must be a small letter and up to 63 small letters, digits and _';

/** The model's names of the tools that agents choose by `type`. */
const CHOSEN = ['end_call', 'send_dtmf', 'leave_voicemail', 'transfer_call'] as const;
/** Agents with knowledge bases have the last one as well. */
const RESERVED_NAMES: readonly string[] = [...CHOSEN, 'search_knowledge'];
const TOOL_TYPES = [...CHOSEN, 'http'] as const;
const TYPE = { description: 'Kind of tool', choices: TOOL_TYPES };

function nameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string' || !NAME.test(name)) return NAME_RULE;
  return RESERVED_NAMES.includes(name) ? 'is the name of another tool' : undefined;
}

/** A tool of an unknown type, which the check refuses. */
export class UnknownTool {
  @ChoiceField(TYPE)
  type: string;
}

@StrictShape()
export class EndCallTool {
  @ChoiceField(TYPE)
  type: 'end_call';
}

@StrictShape()
export class SendDtmfTool {
  @ChoiceField(TYPE)
  type: 'send_dtmf';
}

@StrictShape()
export class LeaveVoicemailTool {
  @ChoiceField(TYPE)
  type: 'leave_voicemail';
}

@StrictShape()
export class TransferTarget {
  @PhoneNumberField({ description: 'E.164; no other number is ever dialled', example: '+14155550123' })
  number: string;

  @TextField({ description: 'Tells the model when to transfer there', maxLength: 500, example: 'Sales' })
  description: string;
}

@StrictShape()
export class TransferCallTool {
  @ChoiceField(TYPE)
  type: 'transfer_call';

  @ObjectListField({
    description: 'Targets that the model may choose',
    shape: TransferTarget,
    min: 1,
    max: MAX_TARGETS,
  })
  targets: TransferTarget[];

  @ChoiceField({
    description:
      '`bridge` (default): this server rings the target and connects both calls. `refer`: the carrier connects them',
    choices: TRANSFER_MODES,
    optional: true,
  })
  mode?: TransferMode;

  @IntegerField({ description: 'Ring timeout of the target, seconds; default 30', min: 5, max: 120, optional: true })
  ringSeconds?: number;
}

/** A request to the organization's server. Arguments are JSON in the body, or in the query with GET and DELETE. */
@StrictShape()
export class HttpTool {
  @ChoiceField(TYPE)
  type: 'http';

  @RuleField({
    description: 'The name that the model calls it by; no two tools have the same',
    schema: { type: String, pattern: NAME.source },
    problem: nameProblem,
    example: 'find_order',
  })
  name: string;

  @TextField({ description: 'Tells the model what it does and when to use it', maxLength: 1_000 })
  description: string;

  @RuleField({
    description: 'A JSON schema of the arguments, of type `object`, as in analysisSchema',
    schema: { type: 'object', additionalProperties: true },
    problem: schemaProblem,
    optional: true,
  })
  parameters?: Record<string, unknown>;

  @ChoiceField({ description: 'Default POST', choices: HTTP_METHODS, optional: true })
  method?: (typeof HTTP_METHODS)[number];

  @RuleField({
    description: 'An absolute http or https URL without credentials and fragment',
    schema: { type: String, maxLength: 2_000 },
    problem: (url) => (isPlainUrl(url) ? undefined : URL_RULE),
    example: 'https://shop.example.com/orders',
  })
  url: string;

  @MapField({ description: 'Headers of the request, at most 20', optional: true })
  headers?: Record<string, string>;

  @MapField({
    description: `Headers that are encrypted at rest and never returned: \`${SECRET_SHOWN}\` stands for each value, and sent back in a change keeps it, as long as the url stays on the same server`,
    optional: true,
  })
  secretHeaders?: Record<string, string>;

  @IntegerField({ description: 'Milliseconds; default 5000', min: 500, max: 30_000, optional: true })
  timeoutMs?: number;

  @TextField({ description: 'Spoken while the request runs', maxLength: 500, optional: true })
  filler?: string;
}

/** What the model may do in a call. */
export type AgentTool = EndCallTool | SendDtmfTool | LeaveVoicemailTool | TransferCallTool | HttpTool;

export const TOOL_SHAPES = {
  end_call: EndCallTool,
  send_dtmf: SendDtmfTool,
  leave_voicemail: LeaveVoicemailTool,
  transfer_call: TransferCallTool,
  http: HttpTool,
};
