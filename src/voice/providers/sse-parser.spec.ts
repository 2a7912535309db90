import fc from 'fast-check';
import { SseParser } from './sse-parser.js';

const parse = (...chunks: readonly (string | Uint8Array)[]): string[] => {
  const parser = new SseParser();
  return [...chunks.flatMap((chunk) => parser.push(Buffer.from(chunk))), ...parser.end()];
};

describe('server-sent events', () => {
  it.each([
    ['one event', 'data: a\n\n', ['a']],
    ['without the space', 'data:a\n\n', ['a']],
    ['only one space is taken away', 'data:  a\n\n', [' a']],
    ['several lines', 'data: a\ndata: b\n\n', ['a\nb']],
    ['an empty line of data', 'data\n\n', ['']],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['CR', 'data: a\r\rdata: b\r\r', ['a', 'b']],
    ['comments', ': hello\n\ndata: a\n: more\n\n', ['a']],
    ['other fields', 'event: x\nid: 1\nretry: 5\ndata: a\n\n', ['a']],
    ['fields that only begin like data', 'dataset: a\n\n', []],
    ['a byte order mark', '\ufeffdata: a\n\n', ['a']],
    ['an end without an empty line', 'data: a\n\ndata: b\n', ['a', 'b']],
    ['an end without any line end', 'data: a\n\ndata: [DONE]', ['a', '[DONE]']],
    ['nothing', '', []],
    ['empty lines only', '\n\n\r\n\n', []],
  ])('%s', (_, text, events) => {
    expect(parse(text)).toEqual(events);
  });

  it('are told as soon as they are over', () => {
    const parser = new SseParser();
    expect(parser.push(Buffer.from('data: a\n'))).toEqual([]);
    expect(parser.push(Buffer.from('\ndata: b'))).toEqual(['a']);
    expect(parser.push(Buffer.from('\r'))).toEqual([]);
    expect(parser.push(Buffer.from('\n\r'))).toEqual(['b']);
    expect(parser.push(Buffer.from('\n'))).toEqual([]);
    expect(parser.end()).toEqual([]);
  });

  it('are the same however they are cut', () => {
    const line = fc.oneof(
      fc.constantFrom('data: ', 'data', ': comment', 'event: x', '', ''),
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text}`),
    );
    const stream = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 20 });
    fc.assert(
      fc.property(stream, fc.array(fc.nat(200), { maxLength: 20 }), (lines, cuts) => {
        const bytes = Buffer.from(lines.flat().join(''));
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((to, i) => bytes.subarray(at[i], to));
        expect(parse(...chunks)).toEqual(parse(bytes));
        expect(parse(...[...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(parse(bytes));
      }),
    );
  });

  it.each([
    ['in one line', (parser: SseParser) => parser.push(Buffer.alloc(1_000_001, 'a'))],
    ['in many lines', (parser: SseParser) => parser.push(Buffer.from(`data: ${'a'.repeat(1_000)}\n`.repeat(1_000)))],
  ])('are limited %s', (_, push) => {
    expect(() => push(new SseParser())).toThrow(RangeError);
  });
});
