import { type AgentConfiguration } from './agent-configuration.js';
import { type ProviderChoice } from './agent-settings.js';
import { type OutboundGuard } from '../lib/platform/index.js';
import { type ProviderSettings } from '../voice/index.js';

export const STAGES = ['transcription', 'model', 'speech'] as const;
export type StageName = (typeof STAGES)[number];

/** The provider of a stage and its fallback. Holds keys. */
export interface StageSettings {
  primary: ProviderSettings;
  fallback?: ProviderSettings;
}

export type StagesSettings = Partial<Record<StageName, StageSettings>> & { speechToSpeech?: ProviderSettings };

/** The accounts of an organization, by id, with opened keys. */
export type Accounts = (
  organizationId: string,
  ids: readonly string[],
) => Promise<Map<string, Pick<ProviderSettings, 'kind' | 'baseUrl' | 'apiKey'>>>;

type ProviderSource = Pick<AgentConfiguration, 'providers' | 'model'>;

/**
 * The providers of an agent's stages: the organization's accounts where the agent names them, else the settings of the
 * server. Requests to accounts go through the guard, because an organization chooses their URLs.
 * @throws UnknownProvider for an account that no longer exists
 */
export async function stagesFor(
  { providers, model }: ProviderSource,
  organizationId: string,
  accounts: Accounts,
  settings: Partial<Record<StageName, ProviderSettings>>,
  guard: OutboundGuard,
): Promise<StagesSettings> {
  const known = await accounts(organizationId, namedIn(providers));
  const of = (
    choice: ProviderChoice | undefined,
    usual: ProviderSettings | undefined,
  ): ProviderSettings | undefined => {
    if (choice?.providerId === undefined) return usual && { ...usual, ...chosen(choice) };
    const account = known.get(choice.providerId);
    if (!account) throw new UnknownProvider(choice.providerId);
    return { ...account, ...chosen(choice), guard };
  };
  const stages: StagesSettings = {};
  for (const stage of STAGES) {
    const usual = stage === 'model' && model !== null ? { model } : {};
    const choice: ProviderChoice & { fallback?: ProviderChoice } = { ...usual, ...providers?.[stage] };
    const primary = of(choice, settings[stage]);
    const fallback = choice.fallback && of(choice.fallback, settings[stage]);
    if (primary) stages[stage] = fallback ? { primary, fallback } : { primary };
  }
  const whole = providers?.speechToSpeech && of(providers.speechToSpeech, withoutModel(settings.model));
  if (whole) stages.speechToSpeech = whole;
  return stages;
}

/**
 * The voice of each provider: that of the call, of the agent's stage, or of the agent. A fallback of another vendor has other
 * voices.
 */
export function withVoices(
  stages: StagesSettings,
  providers: ProviderSource['providers'],
  { ofCall, ofAgent }: { ofCall: string | undefined; ofAgent: string | undefined },
): StagesSettings {
  const { speech, speechToSpeech } = stages;
  const general = ofCall ?? ofAgent;
  if (speechToSpeech) {
    const voice = ofCall ?? providers?.speechToSpeech?.voice ?? general;
    return { ...stages, speechToSpeech: voiced(speechToSpeech, voice) };
  }
  if (!speech) return stages;
  const { primary, fallback } = speech;
  const other = providers?.speech?.fallback?.voice ?? (fallback?.kind === primary.kind ? general : undefined);
  return {
    ...stages,
    speech: {
      primary: voiced(primary, ofCall ?? providers?.speech?.voice ?? ofAgent),
      ...(fallback && { fallback: voiced(fallback, other) }),
    },
  };
}

const voiced = (settings: ProviderSettings, voice: string | undefined): ProviderSettings =>
  voice === undefined ? settings : { ...settings, voice };

/** A chat model is no realtime model. */
const withoutModel = (settings: ProviderSettings | undefined): ProviderSettings | undefined => {
  if (!settings) return undefined;
  const { model: _, ...rest } = settings;
  return rest;
};

/** An agent names an account that its organization does not have. */
export class UnknownProvider extends Error {
  override readonly name = 'UnknownProvider';

  constructor(id: string) {
    super(`The agent names the provider ${id}, which does not exist (any more)`);
  }
}

function namedIn(providers: ProviderSource['providers']): string[] {
  const choices = STAGES.flatMap((stage) => [providers?.[stage], providers?.[stage]?.fallback]);
  return [...choices, providers?.speechToSpeech].flatMap((choice) => choice?.providerId ?? []);
}

const chosen = ({ model, voice }: ProviderChoice = {}): Pick<ProviderSettings, 'model' | 'voice'> => ({
  ...(model === undefined ? {} : { model }),
  ...(voice === undefined ? {} : { voice }),
});
