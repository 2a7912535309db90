/** A piece of speech, in the order it is spoken. */
export interface SpokenChunk {
  text: string;
  /** How long its speech is, milliseconds; so far, when it is not complete. */
  ms: number;
  /** false: not all of its speech has arrived. */
  complete: boolean;
}

/** How fast people speak, where speech is not complete; milliseconds a character. */
const CHARACTER_MS = 65;
/** Less than a frame is not missed. */
const TOLERANCE_MS = 20;
const WIDE_END = /[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]$/;

const words = new Intl.Segmenter('en', { granularity: 'word' });

/** What was heard of each chunk when `playedMs` of all of them were played; partly heard ones end with a whole word. */
export function playedText(chunks: readonly SpokenChunk[], playedMs: number): string[] {
  let leftMs = playedMs;
  return chunks.map(({ text, ms, complete }) => {
    const wholeMs = complete ? ms : Math.max(ms, text.length * CHARACTER_MS);
    const heardMs = Math.max(0, Math.min(leftMs, ms));
    leftMs -= ms;
    if (heardMs <= 0) return '';
    return heardMs >= wholeMs - TOLERANCE_MS ? text : wholeWords(text, heardMs / wholeMs);
  });
}

/** The whole words within the first `fraction` (0–1) of a text. */
export function wholeWords(text: string, fraction: number): string {
  const limit = text.length * fraction;
  let end = 0;
  for (const { index, segment } of words.segment(text)) {
    if (index + segment.length > limit) break;
    end = index + segment.length;
  }
  return text.slice(0, end).trim();
}

/** Chunks as one text again. */
export function joined(texts: readonly string[]): string {
  return texts.reduce((whole, text) => {
    if (!whole || !text) return whole + text;
    return WIDE_END.test(whole) ? whole + text : `${whole} ${text}`;
  }, '');
}
