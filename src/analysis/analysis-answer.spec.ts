import fc from 'fast-check';
import { SENTIMENTS } from '../calls/index.js';
import { parseAnalysis } from './analysis-answer.js';

const SCHEMA = { type: 'object', properties: { time: { type: ['string', 'null'] } }, required: ['time'] };
const GOOD = { summary: 'They agreed on eleven.', sentiment: 'positive', callSuccessful: true, analysis: null };
const answer = (fields: object = {}) => JSON.stringify({ ...GOOD, ...fields });

describe('readAnswer', () => {
  it('takes what was asked for', () => {
    expect(parseAnalysis(answer(), null)).toEqual({ assessment: GOOD });
    expect(parseAnalysis(answer({ analysis: { time: '11:00' } }), SCHEMA)).toEqual({
      assessment: { ...GOOD, analysis: { time: '11:00' } },
    });
    expect(parseAnalysis(answer({ summary: ' Said little. ', sentiment: null, callSuccessful: null }), null)).toEqual({
      assessment: { summary: 'Said little.', sentiment: null, callSuccessful: null, analysis: null },
    });
  });

  it('takes it out of a Markdown fence', () => {
    expect(parseAnalysis(`\`\`\`json\n${answer()}\n\`\`\`\n`, null)).toEqual({ assessment: GOOD });
  });

  it('takes nothing that was not asked for', () => {
    const more = answer({ status: 'failed', tokenCost: 0, analysis: { time: null, admin: true } });
    expect(parseAnalysis(more, null)).toEqual({ assessment: GOOD });
    expect(parseAnalysis(more, SCHEMA)).toEqual({ assessment: { ...GOOD, analysis: { time: null } } });
  });

  it.each([
    ['', 'is no JSON object'],
    ['I cannot help with that.', 'is no JSON object'],
    ['[]', 'is no JSON object'],
    ['null', 'is no JSON object'],
    [answer().slice(0, -1), 'is no JSON object'],
    [`Sure! ${answer()}`, 'is no JSON object'],
    ['{"hacked":true}', 'has no summary'],
    [answer({ summary: '  ' }), 'has no summary'],
    [answer({ summary: 42 }), 'has no summary'],
    [answer({ summary: 'x'.repeat(4_001) }), 'has a summary that is none'],
    [answer({ summary: 'a\0b' }), 'has a value that contains text that has a NUL character'],
    [answer({ sentiment: 'furious' }), 'has a sentiment that is none'],
    [answer({ sentiment: undefined }), 'has a sentiment that is none'],
    [answer({ callSuccessful: 'yes' }), 'has a callSuccessful that is neither true, false nor null'],
  ])('refuses %j', (text, problem) => {
    expect(parseAnalysis(text, null)).toEqual({ problem });
  });

  it('says what is wrong with the fields of the agent, and has the rest', () => {
    expect(parseAnalysis(answer({ analysis: { time: 11 } }), SCHEMA)).toEqual({
      assessment: GOOD,
      problem: 'analysis.time is not of type string or null',
    });
    expect(parseAnalysis(answer(), SCHEMA)).toMatchObject({
      assessment: GOOD,
      problem: 'analysis is not of type object',
    });
  });

  it('gives an assessment or a problem for anything, and never another form', () => {
    const anything = fc.record(
      { summary: fc.jsonValue(), sentiment: fc.jsonValue(), callSuccessful: fc.jsonValue(), analysis: fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          anything.map((each) => JSON.stringify(each)),
        ),
        (text) => {
          const { assessment, problem } = parseAnalysis(text, SCHEMA);
          if (!assessment) {
            expect(problem).toEqual(expect.any(String));
            return;
          }
          expect(Object.keys(assessment).sort()).toEqual(['analysis', 'callSuccessful', 'sentiment', 'summary']);
          expect([...SENTIMENTS, null]).toContain(assessment.sentiment);
          expect([true, false, null]).toContain(assessment.callSuccessful);
        },
      ),
    );
  });
});
