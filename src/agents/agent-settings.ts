import { FlagField, IntegerField, NumberField, ObjectField, StrictShape, TextField } from '../lib/platform/index.js';

/** Characters of a text that an agent says. */
export const SPOKEN_CHARACTERS = 2_000;

const PROVIDER_ID = 'An account of `/v1/providers`; absent: the provider of the settings';

/** The provider of one stage. */
@StrictShape()
export class ProviderChoice {
  @TextField({ description: PROVIDER_ID, maxLength: 100, optional: true })
  providerId?: string;

  @TextField({ description: 'Model of the provider', example: 'gpt-4.1-mini', optional: true })
  model?: string;

  @TextField({ description: 'Voice of the provider, where it speaks', example: 'alloy', optional: true })
  voice?: string;
}

@StrictShape()
export class StageChoice extends ProviderChoice {
  @ObjectField({ description: 'Used when the first provider fails', shape: ProviderChoice, optional: true })
  fallback?: ProviderChoice;
}

@StrictShape()
export class ProviderChoices {
  @ObjectField({ description: 'Speech to text', shape: StageChoice, optional: true })
  transcription?: StageChoice;

  @ObjectField({ description: 'Language model', shape: StageChoice, optional: true })
  model?: StageChoice;

  @ObjectField({ description: 'Text to speech', shape: StageChoice, optional: true })
  speech?: StageChoice;

  @ObjectField({ description: 'One model instead of the three', shape: ProviderChoice, optional: true })
  speechToSpeech?: ProviderChoice;
}

@StrictShape()
export class EndpointingChoice {
  @IntegerField({
    description: 'Silence that ends what the customer says, milliseconds',
    min: 100,
    max: 3_000,
    optional: true,
  })
  silenceMs?: number;

  @NumberField({
    description: '0: only loud speech counts; 1: also faint speech, and more noise',
    min: 0,
    max: 1,
    optional: true,
  })
  sensitivity?: number;
}

@StrictShape()
export class InterruptionChoice {
  @FlagField({ description: 'false: the agent always finishes what it says', optional: true })
  enabled?: boolean;

  @IntegerField({ description: 'Speech that interrupts the agent, milliseconds', min: 20, max: 3_000, optional: true })
  afterMs?: number;
}

/** The reaction to silence: `prompt`, up to `times` times, then `farewell` and the end (`inactivity`). */
@StrictShape()
export class SilenceChoice {
  @IntegerField({ description: 'Silence before the prompt, seconds', min: 1, max: 600, optional: true })
  afterSeconds?: number;

  @TextField({
    description: 'Spoken after the silence. A Mustache template',
    maxLength: SPOKEN_CHARACTERS,
    optional: true,
  })
  prompt?: string;

  @IntegerField({ description: 'Prompts before the farewell', min: 0, max: 10, optional: true })
  times?: number;

  @TextField({
    description: 'Spoken before the end. A Mustache template',
    maxLength: SPOKEN_CHARACTERS,
    optional: true,
  })
  farewell?: string;
}
