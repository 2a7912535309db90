import { type CallCloudEvent, parseCloudEvent } from './cloud-event.js';

const NOW = new Date('2026-04-05T14:00:00.000Z');
const EVENT = {
  specversion: '1.0',
  id: '7f1d',
  source: '/media/eu-1',
  type: 'call.ringing',
  subject: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10',
};
const TURN = { speaker: 'agent', text: 'Hello', startMs: 0, endMs: 900.5 };

const parse = (fields: object) => parseCloudEvent({ ...EVENT, ...fields }, NOW);
const parsed = (fields: object) => parse(fields) as CallCloudEvent;

describe('a CloudEvent about a call', () => {
  it('names the call, the sender and the moment', () => {
    expect(parse({ time: '2026-04-05T15:59:03.5+02:00', data: {} })).toEqual({
      id: '7f1d',
      source: '/media/eu-1',
      subject: EVENT.subject,
      at: '2026-04-05T13:59:03.500Z',
      content: { type: 'call.ringing' },
    });
  });

  it('without a time, has the present time', () => {
    expect(parsed({}).at).toBe(NOW.toISOString());
  });

  it('normalizes the case of the call id', () => {
    expect(parsed({ subject: EVENT.subject.toUpperCase() }).subject).toBe(EVENT.subject);
  });

  it('may have other attributes', () => {
    const extensions = { dataschema: 'https://example.com', traceparent: '00-1', datacontenttype: 'application/json' };
    expect(parse(extensions)).toEqual(parse({}));
  });

  it.each([
    ['call.ringing', {}, { type: 'call.ringing' }],
    ['call.started', {}, { type: 'call.started' }],
    [
      'call.ended',
      { disconnectionReason: 'dial_busy', sipCode: 486, detail: 'Busy here' },
      { type: 'call.ended', reason: 'dial_busy', sipCode: 486, detail: 'Busy here' },
    ],
    [
      'call.ended',
      { disconnectionReason: 'user_hangup' },
      { type: 'call.ended', reason: 'user_hangup', sipCode: null, detail: null },
    ],
    ['call.turn', TURN, { type: 'call.turn', ...TURN }],
    ['call.turn', { ...TURN, more: 1 }, { type: 'call.turn', ...TURN }],
    [
      'call.recorded',
      { url: 'https://example.com/1.wav' },
      { type: 'call.recorded', url: 'https://example.com/1.wav' },
    ],
  ])('of type %s with %j is valid', (type, data, content) => {
    expect(parsed({ type, data }).content).toEqual(content);
  });

  it.each([null, undefined, 'call', 42, [], [EVENT]])('is a JSON object, not %j', (value) => {
    expect(parseCloudEvent(value, NOW)).toEqual({ problem: 'must be a JSON object' });
  });

  it.each([
    [{ specversion: undefined }, 'specversion must be "1.0"'],
    [{ specversion: '0.3' }, 'specversion must be "1.0"'],
    [{ id: '' }, 'id must be text of 1 to 255 characters'],
    [{ id: 7 }, 'id must be text of 1 to 255 characters'],
    [{ id: 'x'.repeat(256) }, 'id must be text of 1 to 255 characters'],
    [{ source: undefined }, 'source must be text of 1 to 255 characters'],
    [{ source: 'x'.repeat(256) }, 'source must be text of 1 to 255 characters'],
    [{ subject: undefined }, 'subject must be the id of the call'],
    [{ time: 'yesterday' }, 'time must be an ISO 8601 time'],
    [{ time: 1_775_397_600_000 }, 'time must be an ISO 8601 time'],
    [{ time: '2026-02-30T00:00:00Z' }, 'time must be an ISO 8601 time'],
    [{ time: '2026-04-05T14:05:00.001Z' }, 'time must not be in the future, nor more than a year ago'],
    [{ time: '9999-12-31T00:00:00Z' }, 'time must not be in the future, nor more than a year ago'],
    [{ time: '1970-01-01T00:00:00Z' }, 'time must not be in the future, nor more than a year ago'],
    [{ data: [] }, 'data must be a JSON object'],
    [{ data: null }, 'data must be a JSON object'],
    [{ data: 'aGk=' }, 'data must be a JSON object'],
    [{ type: 'call.queued' }, typeProblem()],
    [{ type: 'toString' }, typeProblem()],
    [{ type: undefined }, typeProblem()],
  ])('with %j names the problem', (fields, problem) => {
    expect(parse(fields)).toEqual({ problem });
  });

  it.each([
    ['call.ended', {}, /^data\.disconnectionReason must be one of user_hangup, /],
    ['call.ended', { disconnectionReason: 'tired' }, /^data\.disconnectionReason must be one of user_hangup, /],
    ['call.ended', { disconnectionReason: 'dial_busy', sipCode: 99 }, /^data\.sipCode must be a SIP status$/],
    ['call.ended', { disconnectionReason: 'dial_busy', sipCode: 700 }, /^data\.sipCode must be a SIP status$/],
    ['call.ended', { disconnectionReason: 'dial_busy', sipCode: 486.5 }, /^data\.sipCode must be a SIP status$/],
    ['call.ended', { disconnectionReason: 'dial_busy', sipCode: '486' }, /^data\.sipCode must be a SIP status$/],
    ['call.ended', { disconnectionReason: 'dial_busy', detail: '' }, /^data\.detail must be text/],
    ['call.ended', { disconnectionReason: 'dial_busy', detail: 'x'.repeat(1_001) }, /^data\.detail must be text/],
    ['call.turn', { ...TURN, speaker: 'robot' }, /^data\.speaker must be agent or customer$/],
    ['call.turn', { ...TURN, text: '' }, /^data\.text must be text of 1 to 10000 characters$/],
    ['call.turn', { ...TURN, text: 'x'.repeat(10_001) }, /^data\.text must be text of 1 to 10000 characters$/],
    ['call.turn', { ...TURN, startMs: -1 }, /^data\.startMs must be milliseconds since the answer$/],
    ['call.turn', { ...TURN, startMs: '5' }, /^data\.startMs must be milliseconds since the answer$/],
    ['call.turn', { ...TURN, startMs: 2 ** 31 }, /^data\.startMs must be milliseconds since the answer$/],
    ['call.turn', { ...TURN, startMs: 2, endMs: 1 }, /^data\.endMs must be milliseconds, not before startMs$/],
    ['call.turn', { ...TURN, endMs: 2 ** 31 }, /^data\.endMs must be milliseconds, not before startMs$/],
    ['call.recorded', {}, /^data\.url must be an http or https address$/],
    ['call.recorded', { url: 'javascript:alert(1)' }, /^data\.url must be an http or https address$/],
    ['call.recorded', { url: 'file:///etc/passwd' }, /^data\.url must be an http or https address$/],
    ['call.recorded', { url: `https://x/${'y'.repeat(2_000)}` }, /^data\.url must be an http or https address$/],
  ])('of type %s with %j names the problem', (type, data, problem) => {
    expect(parse({ type, data })).toEqual({ problem: expect.stringMatching(problem) });
  });
});

function typeProblem(): string {
  return 'type must be one of call.ringing, call.started, call.ended, call.turn, call.recorded';
}
