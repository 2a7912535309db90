import { type AgentConfiguration, type Accounts, stagesFor, UnknownProvider } from '../agents/index.js';
import { type OutboundGuard } from '../lib/platform/index.js';
import { type ProviderSettings } from '../voice/index.js';
import { type CallFacts } from '../calls/index.js';

export interface AnalysisModels {
  /** The one of the settings; without it only calls of agents with an account of their own are assessed. Holds a key. */
  model: ProviderSettings | undefined;
  accounts: Accounts;
  /** For where accounts lead. */
  guard: OutboundGuard;
}

/**
 * Selects the model that analyzes a call: that of the agent's own account, so that no other provider receives the
 * transcript. Simulated calls use the built-in analysis and cost nothing.
 * @throws SecretBoxError when the key of the account cannot be decrypted
 */
export async function analysisModel(
  { environment, organizationId }: Pick<CallFacts, 'environment' | 'organizationId'>,
  { providers, model }: Pick<AgentConfiguration, 'providers' | 'model'>,
  { model: usual, accounts, guard }: AnalysisModels,
): Promise<ProviderSettings | undefined> {
  if (environment !== 'live' || providers?.model?.providerId === undefined) return usual;
  // The others may be gone without being missed.
  const { fallback: _, ...choice } = providers.model;
  try {
    const stages = await stagesFor({ providers: { model: choice }, model }, organizationId, accounts, {}, guard);
    return stages.model?.primary;
  } catch (error) {
    if (error instanceof UnknownProvider) return usual;
    throw error;
  }
}
