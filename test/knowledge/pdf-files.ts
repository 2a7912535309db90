/** A PDF of what its pages say, a line each, made by hand: ISO 32000-1 §7.5. An empty line leaves a gap. */
export function pdfFile(pages: readonly (readonly string[])[]): Buffer {
  return pdfOf(pages.map((lines) => stream(Buffer.from(contentOf(lines)))));
}

/** One that asks for a password: nobody's, since its keys are made up. */
export function encryptedPdf(): Buffer {
  const key = '<' + 'a7'.repeat(32) + '>';
  const encrypt = `<< /Filter /Standard /V 1 /R 2 /O ${key} /U ${key} /P -4 >>`;
  return pdfOf([stream(Buffer.from(contentOf(['secret'])))], `/Encrypt ${encrypt} /ID [<00><00>]`);
}

/** A stream object of which the dictionary says more than its length. */
export const stream = (bytes: Buffer, entries = ''): Buffer =>
  Buffer.concat([Buffer.from(`<< /Length ${bytes.length} ${entries} >>\nstream\n`), bytes, Buffer.from('\nendstream')]);

/** A PDF whose pages have these content streams. */
export function pdfOf(contents: readonly Buffer[], trailer = ''): Buffer {
  const FIRST_PAGE = 4;
  const pageNumbers = contents.map((_, i) => FIRST_PAGE + 2 * i);
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${pageNumbers.map((number) => `${number} 0 R`).join(' ')}] /Count ${contents.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...contents.flatMap((content, i) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> ` +
        `/Contents ${FIRST_PAGE + 2 * i + 1} 0 R >>`,
      content,
    ]),
  ].map((object, i) =>
    Buffer.concat([Buffer.from(`${i + 1} 0 obj\n`), Buffer.from(object as string), Buffer.from('\nendobj\n')]),
  );
  const parts = [Buffer.from('%PDF-1.4\n')];
  let offset = 9;
  const offsets = objects.map((object) => {
    const at = offset;
    offset += object.length;
    parts.push(object);
    return `${String(at).padStart(10, '0')} 00000 n \n`;
  });
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join('')}`;
  const end = `trailer\n<< /Size ${size} /Root 1 0 R ${trailer} >>\nstartxref\n${offset}\n%%EOF\n`;
  return Buffer.concat([...parts, Buffer.from(table + end)]);
}

function contentOf(lines: readonly string[]): string {
  const shown = lines.map((line) => `(${line.replace(/[\\()]/g, '\\$&')}) Tj T*`);
  return `BT /F1 12 Tf 14 TL 72 720 Td\n${shown.join('\n')}\nET`;
}
