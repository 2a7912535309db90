export interface ChunkerOptions {
  /** Shorter sentences are spoken together with the next one; characters. */
  minLength?: number;
  /** Longest text without the end of a sentence; it is cut at a word; characters. */
  maxLength?: number;
}

/** Ends of sentences that are followed by a space: `.` may also belong to an abbreviation or a number. */
const SPACED = '.!?…؟۔։።';
/** Ends of sentences in scripts that put no space after them. */
const UNSPACED = '。！？｡।॥။។';
const CLOSERS = '"\')]}»”’›」』】）》';
const WIDE = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef\u3000-\u303f]/;
const ENDS = new RegExp(`[${SPACED}${UNSPACED}\\n]`, 'g');
/** A full stop after one of them does not end a sentence. */
const ABBREVIATIONS = new Set(
  (
    'mr mrs ms dr prof sr jr st mt vs etc e.g i.e a.m p.m no nos approx dept est inc ltd co corp ave blvd ext fig vol ' +
    'hr fr z.b d.h u.a bzw ca nr str tel usw evtl ggf inkl zzgl abs mme mlle m p.ex av bd sra srta dra ud uds pág núm ' +
    'sig dott ing'
  ).split(' '),
);

/** Cuts text that arrives in parts into pieces for synthesis: whole sentences where possible. */
export class SentenceChunker {
  private buffer = '';
  private readonly minLength: number;
  private readonly maxLength: number;

  constructor({ minLength = 12, maxLength = 220 }: ChunkerOptions = {}) {
    this.minLength = minLength;
    this.maxLength = maxLength;
  }

  /** @returns the pieces that are complete, trimmed */
  push(text: string): string[] {
    this.buffer += text;
    const chunks: string[] = [];
    for (;;) {
      const end = this.sentenceEnd() ?? this.cut();
      if (end === undefined) return chunks;
      const chunk = this.buffer.slice(0, end).trim();
      this.buffer = this.buffer.slice(end).trimStart();
      if (chunk) chunks.push(chunk);
    }
  }

  /** Ends the text. @returns the remaining pieces */
  flush(): string[] {
    const chunks = this.push('');
    const rest = this.buffer.trim();
    this.buffer = '';
    return rest ? [...chunks, rest] : chunks;
  }

  private sentenceEnd(): number | undefined {
    for (const { index } of this.buffer.matchAll(ENDS)) {
      let end = index + 1;
      while (end < this.buffer.length && this.isTail(end)) end++;
      // The next character decides: a digit, a closing quote or a small letter.
      const next = this.buffer.slice(end).trimStart()[0];
      if (next === undefined) return undefined;
      if (width(this.buffer.slice(0, end).trim()) < this.minLength) continue;
      if (this.endsAt(index, end, next)) return end <= this.maxLength ? end : undefined;
    }
    return undefined;
  }

  private isTail(at: number): boolean {
    const character = this.buffer[at] ?? '';
    return CLOSERS.includes(character) || SPACED.includes(character) || UNSPACED.includes(character);
  }

  private endsAt(index: number, end: number, next: string): boolean {
    const mark = this.buffer[index] ?? '';
    if (mark === '\n' || UNSPACED.includes(mark)) return true;
    if (!/\s/.test(this.buffer[end] ?? '')) return false;
    if (mark === '…') return !/\p{Ll}/u.test(next);
    if (mark !== '.' || end > index + 1) return true;
    if (/\p{Ll}/u.test(next)) return false;
    const word = /[\p{L}\p{N}.]*$/u.exec(this.buffer.slice(0, index))?.[0] ?? '';
    // "J. Smith", and "1. Open it": the number is the first word of its line.
    if (/^\p{Lu}$/u.test(word) || ABBREVIATIONS.has(word.toLowerCase())) return false;
    return !/^(?:[\s\S]*\n)?\s*\d{1,2}$/.test(this.buffer.slice(0, index));
  }

  /** Where very long text is cut: after a comma or the like, else between words, else anywhere. */
  private cut(): number | undefined {
    if (this.buffer.length <= this.maxLength) return undefined;
    const head = this.buffer.slice(0, this.maxLength);
    const clause = Math.max(...[...head.matchAll(/[,;:，、；：]["')»”]?(?=\s|[^\d\s])|\s[–—-]\s/g)].map(after), 0);
    if (clause > this.maxLength / 2) return clause;
    const space = head.search(/\s\S*$/);
    if (space > 0) return space;
    return /[\ud800-\udbff]$/.test(head) ? head.length - 1 : head.length;
  }
}

const after = (match: RegExpExecArray): number => match.index + match[0].length;

/** One character of a script without spaces says about as much as three letters. */
function width(text: string): number {
  let sum = 0;
  for (const character of text) sum += WIDE.test(character) ? 3 : 1;
  return sum;
}
