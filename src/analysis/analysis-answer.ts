import { fitToSchema, findJsonProblem } from '../lib/platform/index.js';
import { type Assessment, SENTIMENTS } from '../calls/index.js';

/** What could be made of a model's answer. */
export interface ParsedAnalysis {
  /** Absent when the answer is unusable. */
  assessment?: Assessment;
  /** Why it is not what was asked for; with an assessment: why that has no `analysis`. */
  problem?: string;
}

const MAX_SUMMARY = 4_000;

/**
 * Reads what a model answered. Only the fields that were asked for come out of it, and only with values that they may
 * have: an answer that says anything else, for whatever reason, is none.
 */
export function parseAnalysis(text: string, analysisSchema: object | null): ParsedAnalysis {
  const answer = parse(text);
  if (answer === undefined) return { problem: 'is no JSON object' };
  const unstorable = findJsonProblem(answer);
  if (unstorable) return { problem: `has a value that ${unstorable.problem}` };
  const { summary, sentiment, callSuccessful, analysis } = answer;
  if (typeof summary !== 'string' || summary.trim() === '') return { problem: 'has no summary' };
  if (summary.length > MAX_SUMMARY) return { problem: 'has a summary that is none' };
  const known = SENTIMENTS.find((each) => each === sentiment) ?? null;
  if (known === null && sentiment !== null) return { problem: 'has a sentiment that is none' };
  if (typeof callSuccessful !== 'boolean' && callSuccessful !== null)
    return { problem: 'has a callSuccessful that is neither true, false nor null' };
  const assessment = { summary: summary.trim(), sentiment: known, callSuccessful, analysis: null };
  if (analysisSchema === null) return { assessment };
  const fitting = fitToSchema(analysisSchema, analysis, 'analysis');
  if (!fitting.fits) return { assessment, problem: fitting.problem };
  return { assessment: { ...assessment, analysis: fitting.value as Record<string, unknown> } };
}

/** The object that a text is, whether or not it is fenced as Markdown. */
function parse(text: string): Record<string, unknown> | undefined {
  const [, fenced] = /^\s*```(?:json)?\s*\n([\s\S]*)\n\s*```\s*$/.exec(text) ?? [];
  try {
    const value: unknown = JSON.parse(fenced ?? text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
