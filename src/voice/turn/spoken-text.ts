/** A piece of speech, in the order it is spoken. */
export interface SpokenChunk {
  text: string;
  /** Length of its speech that has arrived, milliseconds. */
  ms: number;
  /** All of its speech has arrived. */
  complete: boolean;
}

/** Estimated length of a spoken character where the speech is not complete, milliseconds. */
const CHARACTER_MS = 65;
/** Less than a frame may be missing, milliseconds. */
const TOLERANCE_MS = 20;
const WIDE_END = /[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]$/;

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

/** The played text of each chunk when `playedMs` of all of them were played; it ends with a whole word. */
export function playedText(chunks: readonly SpokenChunk[], playedMs: number): string[] {
  let leftMs = playedMs;
  return chunks.map(({ text, ms, complete }) => {
    const wholeMs = complete ? ms : Math.max(ms, text.length * CHARACTER_MS);
    const chunkMs = Math.max(0, Math.min(leftMs, ms));
    leftMs -= ms;
    if (chunkMs <= 0) return '';
    return chunkMs >= wholeMs - TOLERANCE_MS ? text : wholeWords(text, chunkMs / wholeMs);
  });
}

/** The whole words within the first `fraction` (0–1) of a text. */
export function wholeWords(text: string, fraction: number): string {
  const limit = text.length * fraction;
  let end = 0;
  for (const { index, segment } of segmenter.segment(text)) {
    if (index + segment.length > limit) break;
    end = index + segment.length;
  }
  return text.slice(0, end).trim();
}

/** Chunks as one text. */
export function joined(texts: readonly string[]): string {
  return texts.reduce((whole, text) => {
    if (!whole || !text) return whole + text;
    return WIDE_END.test(whole) ? whole + text : `${whole} ${text}`;
  }, '');
}
