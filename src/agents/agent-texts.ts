import { type AgentConfiguration } from './agent-configuration.js';
import { conversationSettings } from '../voice/index.js';
import { fillIn, TemplateError } from '../lib/platform/index.js';

type AgentTemplates = Pick<
  AgentConfiguration,
  'prompt' | 'firstMessage' | 'voicemailMessage' | 'durationWarning' | 'apology' | 'silence'
>;

/** The facts of a call that templates may name. */
export interface TemplateFacts {
  customerName?: string | undefined;
  toNumber: string;
  fromNumber: string;
  dynamicVariables?: Record<string, unknown> | undefined;
}

/** The rendered texts of an agent in one call; empty for an absent text. */
export interface AgentTexts {
  instructions: string;
  firstMessage: string;
  voicemailMessage: string;
  durationWarning: string;
  /** Never empty: the default apology for an agent without one. */
  apology: string;
  silencePrompt: string;
  farewell: string;
  /** Variables that the templates name and the call does not give. */
  missing: string[];
}

/** Characters of a spoken text: more than five minutes. */
const MAX_SPOKEN = 5_000;

/**
 * Renders the templates of an agent.
 * @param nowMs for templates that name the time
 * @throws TemplateError
 */
export function agentTexts(agent: AgentTemplates, facts: TemplateFacts, nowMs: number): AgentTexts {
  const variables = variablesOf(facts, nowMs);
  const missing = new Set<string>();
  const fill = (template: string | null | undefined): string => {
    const filled = fillIn(template ?? '', variables);
    for (const name of filled.missing) missing.add(name);
    return filled.text.trim();
  };
  const spoken = (template: string | null | undefined): string => {
    const text = fill(template);
    if (text.length > MAX_SPOKEN)
      throw new TemplateError(`What is spoken becomes longer than ${MAX_SPOKEN} characters`);
    return text;
  };
  return {
    instructions: fill(agent.prompt),
    firstMessage: spoken(agent.firstMessage),
    voicemailMessage: spoken(agent.voicemailMessage),
    durationWarning: spoken(agent.durationWarning),
    apology: spoken(agent.apology) || conversationSettings().failureMessage.text,
    silencePrompt: spoken(agent.silence?.prompt),
    farewell: spoken(agent.silence?.farewell),
    missing: [...missing],
  };
}

/** The variables of templates: facts of the call, overridden by its dynamicVariables. */
export const variablesOf = (facts: TemplateFacts, nowMs: number): Record<string, unknown> => ({
  customerName: facts.customerName,
  customerPhone: facts.toNumber,
  fromNumber: facts.fromNumber,
  /** UTC: `2026-04-05`, `14:00`. */
  currentDate: new Date(nowMs).toISOString().slice(0, 10),
  currentTime: new Date(nowMs).toISOString().slice(11, 16),
  ...facts.dynamicVariables,
});
