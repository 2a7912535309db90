/** A run of text as PDF.js gives it, ISO 32000-1 §9.4.4: `transform` places it on the page. */
export interface TextRun {
  str: string;
  hasEOL: boolean;
  height: number;
  transform: readonly number[];
}

/** A step to the next line that is so many times the height of the text ends a paragraph. */
const PARAGRAPH_STEP = 1.8;

/** The text of a page: its lines, an empty one between paragraphs, and words that a line broke whole again. */
export function pageText(runs: readonly TextRun[]): string {
  let text = '';
  let previous: TextRun | undefined;
  for (const run of runs) {
    if (run.str.trim() !== '') {
      if (previous && text.endsWith('\n') && startsParagraph(previous, run)) text += '\n';
      previous = run;
    }
    text += run.str + (run.hasEOL ? '\n' : '');
  }
  return text.replace(/(\p{Ll})[-\u00ad]\n(?=\p{Ll})/gu, '$1');
}

function startsParagraph(previous: TextRun, run: TextRun): boolean {
  const step = Math.abs((previous.transform[5] ?? 0) - (run.transform[5] ?? 0));
  return step > PARAGRAPH_STEP * Math.max(previous.height, run.height, 1);
}
