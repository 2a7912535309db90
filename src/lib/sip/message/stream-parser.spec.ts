import { LIMITS, type SipMessage } from './sip-message.js';
import { StreamParser } from './stream-parser.js';

const OPTIONS = [
  'OPTIONS sip:a@b SIP/2.0',
  'Via: SIP/2.0/TCP a;branch=z9hG4bK1',
  'From: <sip:a@b>;tag=1',
  'To: <sip:a@b>',
  'Call-ID: 1',
  'CSeq: 1 OPTIONS',
  'Content-Length: 3',
  '',
  'abc',
].join('\r\n');

function parser() {
  const messages: [SipMessage, boolean][] = [];
  const counts = { pings: 0 };
  const stream = new StreamParser({
    onMessage: (...message) => messages.push(message),
    onPing: () => {
      counts.pings++;
    },
  });
  return { messages, counts, push: (text: string): boolean => stream.push(Buffer.from(text)) };
}

describe('a stream', () => {
  it('is cut into messages wherever it breaks', () => {
    const { messages, push } = parser();
    for (const character of OPTIONS + OPTIONS) expect(push(character)).toBe(true);
    expect(messages.map(([message, malformed]) => [message.body.toString(), malformed])).toEqual([
      ['abc', false],
      ['abc', false],
    ]);
  });

  it('may hold keep-alives between messages', () => {
    const { messages, counts, push } = parser();
    push(`\r\n\r\n${OPTIONS}\r\n\r\n\r\n\r\n\r\n${OPTIONS}`);
    expect(messages).toHaveLength(2);
    expect(counts.pings).toBe(3);
  });

  it('tells of malformed messages and goes on', () => {
    const { messages, push } = parser();
    expect(push(OPTIONS.replace('Call-ID: 1\r\n', '') + OPTIONS)).toBe(true);
    expect(messages.map(([, malformed]) => malformed)).toEqual([true, false]);
  });

  it.each([
    ['it is no SIP', 'GET / HTTP/1.1\r\n\r\n'],
    ['a length cannot be', OPTIONS.replace('Length: 3', 'Length: x')],
    ['a body is too large', OPTIONS.replace('Length: 3', `Length: ${LIMITS.bodyBytes + 1}`)],
    ['a head never ends', 'a'.repeat(LIMITS.headBytes + 1)],
  ])('is broken when %s', (_, text) => {
    expect(parser().push(text)).toBe(false);
  });
});
