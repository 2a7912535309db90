import { pageText, type TextRun } from './pdf-text.js';

/** A run at a height of the page, which ends its line. */
const line = (str: string, y: number): TextRun => ({ str, hasEOL: true, height: 10, transform: [10, 0, 0, 10, 72, y] });

describe('pageText', () => {
  it('is empty for a page without text', () => {
    expect(pageText([])).toBe('');
  });

  it('puts runs of a line together, and lines below each other', () => {
    expect(pageText([{ ...line('Opening ', 700), hasEOL: false }, line('hours', 700), line('Ten', 688)])).toBe(
      'Opening hours\nTen\n',
    );
  });

  it('sees a paragraph in a gap, below and at the top of the next column', () => {
    const runs = [line('One', 700), line('still', 688), line('Two', 660), line('', 640), line('Three', 700)];
    expect(pageText(runs)).toBe('One\nstill\n\nTwo\n\n\nThree\n');
  });

  it('makes words whole again that a line broke, but no others', () => {
    const runs = [line('infor-', 700), line('mation, A-', 688), line('B and 10-', 676), line('20', 664)];
    expect(pageText(runs)).toBe('information, A-\nB and 10-\n20\n');
  });
});
