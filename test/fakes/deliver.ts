import { type ServerResponse } from 'node:http';
import { type Fault, SECRET } from './faults.js';

export interface Answer {
  type: string;
  pieces: Buffer[];
  /** Promises its length, so that half of it can be told from the whole. */
  sized?: boolean;
  garbage: { type: string; body: string };
}

export interface Delay {
  /** Before the first piece, and before each next one. Milliseconds. */
  firstMs?: number;
  nextMs?: number;
}

const wait = (ms = 0): Promise<void> | undefined =>
  ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;

/** Sends an answer, or what a fault makes of it. */
export async function deliver(response: ServerResponse, answer: Answer, fault?: Fault, delay?: Delay): Promise<void> {
  const { type, pieces, sized } = answer;
  if (fault?.kind === 'stall') return;
  if (fault?.kind === 'closed') {
    response.destroy();
    return;
  }
  if (fault?.kind === 'status') {
    sendStatus(response, fault.status, fault.retryAfter);
    return;
  }
  if (fault?.kind === 'garbage') {
    response.writeHead(200, { 'content-type': answer.garbage.type }).end(answer.garbage.body);
    return;
  }
  await wait((fault?.kind === 'delay' ? fault.ms : 0) + (delay?.firstMs ?? 0));
  const length = sized ? { 'content-length': pieces.reduce((sum, piece) => sum + piece.length, 0) } : {};
  response.writeHead(200, { 'content-type': type, ...length });
  const broken = fault !== undefined && fault.kind !== 'delay';
  for (const [i, piece] of (broken ? pieces.slice(0, pieces.length >> 1) : pieces).entries()) {
    if (i > 0) await wait(delay?.nextMs);
    if (response.destroyed) return;
    response.write(piece);
  }
  finish(response, fault, sized === true);
}

function finish(response: ServerResponse, fault: Fault | undefined, sized: boolean): void {
  if (fault?.kind === 'stall_midway') return;
  // What was written goes out first.
  if (fault?.kind === 'closed_midway' || (fault?.kind === 'half' && sized)) response.socket?.destroySoon();
  else response.end();
}

export function sendStatus(response: ServerResponse, status: number, retryAfter?: string): void {
  const headers = {
    'content-type': 'application/json',
    ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
  };
  response.writeHead(status, headers).end(JSON.stringify({ error: { message: `wrong: ${SECRET}` } }));
}
