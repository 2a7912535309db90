import { essentials, LIMITS, newRequest, parseDatagram, serialise, type SipMessage } from './sip-message.js';

const LINES = [
  'INVITE sip:bob@example.test SIP/2.0',
  'v: SIP/2.0/UDP a.test;branch=z9hG4bK1 , SIP/2.0/TCP [::1]:5062;branch=z9hG4bK2',
  'f: "A, B" <sip:a@a.test>;tag=1',
  't: sip:b@b.test;tag=2',
  'i: x@y',
  'CSeq:  42   invite',
  'Subject: one',
  '\ttwo',
  'k: timer,100rel',
];
const parse = (lines: string[], body = ''): SipMessage | undefined =>
  parseDatagram(Buffer.from([...lines, '', body].join('\r\n')))?.message;

describe('a message is read', () => {
  it('with compact names, folded lines and lists', () => {
    const message = parse(LINES);
    expect(message).toMatchObject({ kind: 'request', method: 'INVITE', uri: 'sip:bob@example.test' });
    expect(message?.headers.all('via')).toHaveLength(2);
    expect(message?.headers.get('subject')).toBe('one two');
    expect(message?.headers.lists('supported', '100rel')).toBe(true);
    expect(essentials(message!)).toMatchObject({
      branch: 'z9hG4bK1',
      fromTag: '1',
      toTag: '2',
      callId: 'x@y',
      cseq: { number: 42, method: 'INVITE' },
      from: { displayName: 'A, B', uri: 'sip:a@a.test' },
    });
  });

  it('with the body that Content-Length says', () => {
    expect(parse([...LINES, 'l: 2'], 'abc')?.body.toString()).toBe('ab');
    expect(parse(LINES, 'abc')?.body.toString()).toBe('abc');
  });

  it('as a response', () => {
    expect(parse(['SIP/2.0 486 Busy Here', ...LINES.slice(1)])).toMatchObject({ status: 486, phrase: 'Busy Here' });
    expect(parse(['SIP/2.0 200', ...LINES.slice(1)])).toMatchObject({ status: 200, phrase: '' });
  });

  it('and written again', () => {
    const message = parse([...LINES, 'l: 3'], 'abc');
    const text = serialise(message!).toString();
    expect(text).toContain('\r\nCall-ID: x@y\r\n');
    expect(text.endsWith('\r\nContent-Length: 3\r\n\r\nabc')).toBe(true);
  });
});

describe('a message is malformed', () => {
  it.each([
    ['a shorter body than said', [...LINES, 'l: 9']],
    ['a negative length', [...LINES, 'l: -1']],
    ['a length beyond all limits', [...LINES, `l: ${LIMITS.bodyBytes + 1}`]],
    ['two CSeqs', [...LINES, 'CSeq: 1 INVITE']],
    ['no Call-ID', LINES.filter((line) => !line.startsWith('i:'))],
    ['a From that is none', LINES.map((line) => (line.startsWith('f:') ? 'f: <' : line))],
    ['a CSeq too large', LINES.map((line) => (line.startsWith('CSeq') ? 'CSeq: 4294967296 INVITE' : line))],
  ])('with %s', (_, lines) => {
    expect(parseDatagram(Buffer.from([...lines, '', ''].join('\r\n')))).toMatchObject({ malformed: true });
  });

  it.each([
    ['HTTP', ['GET / HTTP/1.1', 'Host: x']],
    ['a status out of range', ['SIP/2.0 999 No']],
    ['a line without a name', [...LINES, ': x']],
    ['a name with spaces', [...LINES, 'a b: x']],
    ['too many headers', [...LINES, `Route: ${'<sip:a>,'.repeat(LIMITS.headers)}`]],
    ['a head that is too large', [...LINES, `X: ${'x'.repeat(LIMITS.headBytes)}`]],
  ])('beyond reading: %s', (_, lines) => {
    expect(parse(lines)).toBeUndefined();
  });
});

describe('what we write', () => {
  it.each(['a\r\nVia: x', 'a\nb', 'a\rb', 'a\0b'])('has no line breaks: %j', (value) => {
    const { headers } = newRequest('OPTIONS', 'sip:a@b');
    expect(() => headers.set('subject', value)).toThrow(TypeError);
    expect(() => headers.set(value, 'x')).toThrow(TypeError);
    expect(() => newRequest('OPTIONS', `sip:${value}`)).toThrow(TypeError);
    expect(() => newRequest(value, 'sip:a')).toThrow(TypeError);
  });

  it('loses control characters that came in', () => {
    const message = parse([...LINES, 'Reason: a\u0000b\u001fc']);
    expect(message?.headers.get('reason')).toBe('abc');
  });
});
