/** The thread that reads one PDF and ends: what a PDF can do to its reader stays in here. */
import { parentPort, workerData } from 'node:worker_threads';
import { getDocumentProxy } from 'unpdf';
import { type PdfAnswer, type PdfTask } from './pdf-messages.js';
import { pageText, type TextRun } from './pdf-text.js';

/** PDF.js's names of errors that its users cause. */
const PROBLEMS: Readonly<Record<string, string>> = {
  PasswordException: 'is encrypted; send it without a password',
  InvalidPDFException: 'cannot be read: not a PDF, or a damaged one',
};
const UNREADABLE = 'cannot be read';

const ERRORS_ONLY = 0;

async function read({ bytes, maxPages, maxCharacters }: PdfTask): Promise<PdfAnswer> {
  const document = await getDocumentProxy(bytes, { verbosity: ERRORS_ONLY, useSystemFonts: false });
  if (document.numPages > maxPages) return { problem: `must have at most ${maxPages} pages` };
  const pages: string[] = [];
  let characters = 0;
  for (let number = 1; number <= document.numPages; number++) {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    const text = pageText(items.filter((item): item is typeof item & TextRun => 'str' in item));
    page.cleanup();
    characters += text.length;
    if (characters > maxCharacters) return { problem: `must have at most ${maxCharacters} characters of text` };
    pages.push(text);
  }
  return { pages };
}

const answer: PdfAnswer = await read(workerData as PdfTask).catch((error: unknown) => ({
  problem: PROBLEMS[error instanceof Error ? error.name : ''] ?? UNREADABLE,
}));
parentPort?.postMessage(answer);
