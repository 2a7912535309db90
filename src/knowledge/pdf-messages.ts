/** What the thread that reads a PDF is given. */
export interface PdfTask {
  bytes: Uint8Array;
  maxPages: number;
  /** Of all pages together. */
  maxCharacters: number;
}

/** And what it answers, once. */
export type PdfAnswer = { pages: string[] } | { problem: string };
