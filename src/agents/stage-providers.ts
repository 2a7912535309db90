import { type AgentConfiguration } from './agent-configuration.js';
import { type ProviderChoice } from './agent-settings.js';
import { type OutboundGuard } from '../lib/platform/index.js';
import { type ProviderSettings } from '../voice/index.js';

export const STAGES = ['transcription', 'model', 'speech'] as const;
export type StageName = (typeof STAGES)[number];

/** Who does a stage, and who does it when the first cannot. Holds keys. */
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

type Choosing = Pick<AgentConfiguration, 'providers' | 'model'>;

/**
 * Who hears, thinks and speaks for an agent: the organization's accounts where the agent names them, the settings of this
 * server where it does not. Accounts are an organization's own words: where they lead is guarded.
 * @throws UnknownProvider for an account that is no more
 */
export async function stagesFor(
  { providers, model }: Choosing,
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
 * In which voice each of them speaks: as the call asks, as the agent says of that stage, or as it says of itself. Whoever
 * stands in for another vendor has other voices.
 */
export function withVoices(
  stages: StagesSettings,
  providers: Choosing['providers'],
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

/** One who thinks for a living has another model for speech. */
const withoutModel = (settings: ProviderSettings | undefined): ProviderSettings | undefined => {
  if (!settings) return undefined;
  const { model: _, ...rest } = settings;
  return rest;
};

/** An agent names an account that its organization does not have. */
export class UnknownProvider extends Error {
  constructor(id: string) {
    super(`The agent names the provider ${id}, which does not exist (any more)`);
  }
}

function namedIn(providers: Choosing['providers']): string[] {
  const choices = STAGES.flatMap((stage) => [providers?.[stage], providers?.[stage]?.fallback]);
  return [...choices, providers?.speechToSpeech].flatMap((choice) => choice?.providerId ?? []);
}

const chosen = ({ model, voice }: ProviderChoice = {}): Pick<ProviderSettings, 'model' | 'voice'> => ({
  ...(model === undefined ? {} : { model }),
  ...(voice === undefined ? {} : { voice }),
});
