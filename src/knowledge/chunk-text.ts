/** A part of a document that fits into a prompt and is understandable on its own. */
export interface Chunk {
  /** The headings that it stands under, outermost first: `Opening hours > Sunday`. */
  heading: string | null;
  page: number | null;
  text: string;
}

/** A part of a document. No chunk crosses its end. */
export interface Section {
  page: number | null;
  text: string;
}

/** Characters (UTF-16 code units, as everywhere). */
const USUAL = 800;
const MOST = 1_200;
/** What is shorter joins its neighbour, even if that makes the neighbour longer than usual. */
const SHORT = 200;
const MAX_HEADING = 300;
const MAX_LINE = 20_000;
/** What a line costs besides its characters, and after how much of that others shall have their turn: about 5 ms. */
const STEPS_PER_LINE = 50;
const MAX_STEPS = 200_000;

/** A paragraph, or a heading of Markdown. */
type Block = { level: number; title: string } | { paragraph: string };

/**
 * Cuts a document into pieces, in its order. They end where paragraphs do; a paragraph that is too long is cut at the
 * end of a line, of a sentence or of a word, and only what has no spaces at all within a word. Lazy: between two pieces
 * others can take their turn, and where a long way leads to the next one, `undefined` comes in between.
 */
export function* chunkText(sections: Iterable<Section>, markdown: boolean): Generator<Chunk | undefined> {
  for (const { page, text } of sections) {
    const headings = new Headings();
    let piece = '';
    for (const block of blocksOf(text, markdown)) {
      if (!block) {
        yield undefined;
        continue;
      }
      if ('level' in block) {
        const passed = piece || headings.bareBefore(block.level);
        if (passed) yield { heading: headings.path, page, text: passed };
        piece = '';
        headings.open(block);
        continue;
      }
      for (const part of partsOf(block.paragraph)) {
        headings.used();
        if (piece !== '' && !fit(piece, part)) {
          yield { heading: headings.path, page, text: piece };
          piece = '';
        }
        piece = piece === '' ? part : `${piece}\n\n${part}`;
      }
    }
    const last = piece || headings.bareBefore(0);
    if (last) yield { heading: headings.path, page, text: last };
  }
}

function fit(piece: string, part: string): boolean {
  const length = piece.length + 2 + part.length;
  return length <= USUAL || (length <= MOST && Math.min(piece.length, part.length) < SHORT);
}

/** The headings that are open at a place of a document. */
class Headings {
  private stack: { level: number; title: string }[] = [];
  private bare = false;

  get path(): string | null {
    const path = this.stack.map(({ title }) => title).join(' > ');
    return path === '' ? null : cutAt(path, MAX_HEADING);
  }

  open(heading: { level: number; title: string }): void {
    this.stack = [...this.stack.filter(({ level }) => level < heading.level), heading];
    this.bare = true;
  }

  used(): void {
    this.bare = false;
  }

  /** The title of a heading below which there is nothing, when one of this level follows: it says something itself. */
  bareBefore(level: number): string {
    const last = this.stack.at(-1);
    return this.bare && last && level <= last.level ? cutAt(last.title, MOST) : '';
  }
}

function* blocksOf(text: string, markdown: boolean): Generator<Block | undefined> {
  let steps = 0;
  let paragraph: string[] = [];
  let fence: string | undefined;
  const taken = (): Block[] => {
    const block = { paragraph: paragraph.join('\n') };
    paragraph = [];
    return block.paragraph === '' ? [] : [block];
  };
  for (const line of linesOf(text)) {
    if (markdown) fence = fenceAfter(line, fence);
    const heading = markdown && fence === undefined ? headingOf(line, paragraph) : undefined;
    if (heading?.underlined) paragraph = [];
    if (heading || line === '') yield* taken();
    if (heading) yield heading;
    else if (line !== '') paragraph.push(line);
    steps += line.length + STEPS_PER_LINE;
    if (steps < MAX_STEPS) continue;
    steps = 0;
    yield undefined;
  }
  yield* taken();
}

/** Yields lines without control and formatting characters and repeated spaces. */
function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const line = lineAt(text, start);
    for (const part of line.replace(/\r?\n$/, '').split(/[\r\f\v\u0085\u2028\u2029]/)) yield clean(part);
    start += line.length;
  }
}

/** The line that begins at a place, with its end; of one that is very long a part, so that no step takes long. */
function lineAt(text: string, start: number): string {
  const beginning = text.slice(start, start + MAX_LINE);
  const end = beginning.indexOf('\n') + 1 || (beginning.length === MAX_LINE ? beginning.lastIndexOf(' ') + 1 : 0);
  if (end > 0) return beginning.slice(0, end);
  return /[\ud800-\udbff]$/.test(beginning) && beginning.length > 1 ? beginning.slice(0, -1) : beginning;
}

/** Soft hyphens, zero-width spaces and the like stand within words that are to be found. */
const clean = (line: string): string =>
  line
    .replace(/[\p{Zs}\t]+/gu, ' ')
    .replace(/[\p{Cc}\p{Cs}\p{Co}\u00ad\u200b\u2060-\u2064\ufeff\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim();

/** The fence of the code block that a line is in, CommonMark §4.5. */
function fenceAfter(line: string, fence: string | undefined): string | undefined {
  const mark = /^(`{3,}(?!.*`)|~{3,})/.exec(line)?.[1];
  if (fence === undefined) return mark;
  return mark?.startsWith(fence) && mark === line ? undefined : fence;
}

/** CommonMark §4.2 and §4.3 (of one line). */
function headingOf(
  line: string,
  before: readonly string[],
): { level: number; title: string; underlined: boolean } | undefined {
  const [, marks = '', title = ''] = /^(#{1,6}) (.+)$/.exec(line) ?? [];
  if (marks) return { level: marks.length, title: plain(title.slice(0, MOST).replace(/ #+$/, '')), underlined: false };
  const [above] = before;
  if (above === undefined || before.length > 1 || !/^(?:=+|-{2,})$/.test(line)) return undefined;
  return { level: line.startsWith('=') ? 1 : 2, title: plain(above.slice(0, MOST)), underlined: true };
}

/** A title without its emphasis; `**` alone is one all the same. */
const plain = (title: string): string => title.replace(/[*`]+/g, '').trim() || title.trim();

/** A paragraph, or the parts of one that is too long. */
function* partsOf(paragraph: string): Generator<string> {
  let rest = paragraph;
  while (rest.length > MOST) {
    const part = cutAt(rest, USUAL);
    yield part;
    rest = rest.slice(part.length).trimStart();
  }
  if (rest !== '') yield rest;
}

const SPACE = /\s/g;
/** Where a text may be cut, the best first. */
const ENDS = [/\n/g, /[.!?…][)"'”’]*\s|[。！？]/g, SPACE];

/** The beginning of a text, of at most `limit` characters, that ends as well as it can. */
function cutAt(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // One more: a space there is the end of a word as well.
  const beginning = text.slice(0, limit + 1);
  for (const end of ENDS) {
    const last = [...beginning.matchAll(end)].at(-1);
    const best = last ? beginning.slice(0, last.index + last[0].length).trimEnd() : '';
    if (best.length <= limit && best.length > (end === SPACE ? 0 : limit / 2)) return best;
  }
  // Never between the halves of a character.
  return beginning.slice(0, /[\ud800-\udbff]/.test(beginning.charAt(limit - 1)) ? limit - 1 : limit);
}
