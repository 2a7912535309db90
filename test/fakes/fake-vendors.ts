import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, type Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { parseWav } from '../../src/lib/audio/wav.js';
import { resample } from '../../src/lib/audio/resampler.js';
import { pcmBytes } from '../support/wav.js';
import { answerChat, type ChatRequest, jsonAnswer, LAB_RULES, type LabRule } from './chat.js';
import { answerListening } from './deepgram-listen.js';
import { type Answer, type Delay, deliver, sendStatus } from './deliver.js';
import { type Fault, Faults, NAMED_FAULTS, type Stage } from './faults.js';
import { readMultipart } from './multipart.js';
import { RealtimeAnswer } from './realtime.js';
import { SPEECH_RATE, type VoiceKind, Voices } from './voices.js';

export interface LabOptions {
  rules?: readonly LabRule[];
  /** `synthetic` is the same on every machine. */
  voice?: VoiceKind;
  /** Whether it looks for what it said itself in what it hears, which takes time. Otherwise it only hears what `hears` says. */
  recognizes?: boolean;
  /** What it hears in a sound that it never made; nothing by default. Milliseconds of the sound are given. */
  hears?: (ms: number) => string;
  /** Answers only to whom has it. */
  apiKey?: string;
  delays?: Partial<Record<Stage, Delay>>;
  /** What goes wrong with a request, by what it says; asked after `faults`. */
  faultOf?: (request: LabRequest) => Fault | undefined;
}

export interface LabRequest {
  stage: Stage;
  path: string;
  headers: IncomingMessage['headers'];
  /** Empty for WebSockets. */
  body: Buffer;
}

const MAX_BYTES = 30_000_000;
/** Answers that are kept. */
const MAX_SPOKEN = 500;
/** 100 ms of speech at 24 kHz, bytes. */
const PIECE = 4_800;

/**
 * A deterministic stand-in for the paid providers, on a free port of the loopback: OpenAI-compatible chat, transcription
 * and speech, Deepgram's listening and speaking, OpenAI's Realtime. It understands what it said itself.
 */
export class FakeVendors {
  readonly faults = new Faults();
  readonly requests: LabRequest[] = [];
  readonly voices: Voices;
  /** Open now, whatever happens on them. */
  readonly sockets = new Set<Socket>();
  /** How many there have ever been. */
  connections = 0;
  /** How many answers have begun. */
  begun = 0;
  /** Requests over HTTP that are neither answered in full nor given up. */
  open = 0;
  private readonly spoken = new Map<string, Answer>();
  private readonly waiting = new Set<() => void>();
  private readonly webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_BYTES,
    perMessageDeflate: false,
  });

  private constructor(
    private readonly server: Server,
    private readonly options: LabOptions,
  ) {
    this.voices = new Voices(options.voice ?? 'synthetic');
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      this.connections++;
      socket
        .on('error', () => undefined)
        .on('close', () => {
          this.sockets.delete(socket);
          this.changed();
        });
    });
    server.on('request', (request, response) => {
      this.open++;
      response
        .on('error', () => undefined)
        .on('close', () => {
          this.open--;
          this.changed();
        });
      void this.answer(request, response).catch(() => response.destroy());
    });
    server.on('upgrade', (request, socket, head) => {
      this.upgrade(request, socket, head);
    });
  }

  static async start(options: LabOptions = {}): Promise<FakeVendors> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeVendors(server, options);
  }

  /** With its version, as providers want it. */
  get url(): string {
    return `${this.origin}/v1`;
  }

  /** An address where every request fails in this way: a name of `NAMED_FAULTS`. */
  faulty(name: string): string {
    return `${this.origin}/faults/${name}/v1`;
  }

  /** Resolves when the condition holds; asked whenever a request or the end of a socket changes something. */
  async until(holds: (lab: this) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.waiting.add(resolve));
  }

  async close(): Promise<void> {
    for (const client of this.webSockets.clients) client.terminate();
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }

  private get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private changed(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const wake of waiting) wake();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, named } = route(request);
    const stage = STAGES[path];
    if (!stage || WEB_SOCKETS.includes(stage) || request.method !== 'POST') {
      sendStatus(response, 404);
      return;
    }
    const body = await read(request);
    const fault = this.note(stage, request, body) ?? named;
    if (!this.isAllowed(request)) {
      sendStatus(response, 401);
      return;
    }
    const answer = await this.make(stage, body, request);
    if (answer) await deliver(response, answer, fault, this.options.delays?.[stage]);
    else sendStatus(response, 400);
    if (response.headersSent) this.begun++;
    this.changed();
  }

  private note(stage: Stage, { url = '', headers }: IncomingMessage, body: Buffer): Fault | undefined {
    const request = { stage, path: url, headers, body };
    this.requests.push(request);
    const fault = this.faults.take(stage) ?? this.options.faultOf?.(request);
    this.changed();
    return fault;
  }

  private isAllowed({ headers }: IncomingMessage): boolean {
    const { apiKey } = this.options;
    return apiKey === undefined || [`Bearer ${apiKey}`, `Token ${apiKey}`].includes(headers.authorization ?? '');
  }

  private async make(stage: Stage, body: Buffer, request: IncomingMessage): Promise<Answer | undefined> {
    if (stage === 'transcription') return this.transcribe(body, request.headers['content-type'] ?? '');
    const asked = JSON.parse(body.toString()) as ChatRequest & { input?: string; text?: string };
    if (stage === 'chat') return answerChat(asked, this.options.rules ?? LAB_RULES);
    const query = new URL(request.url ?? '', 'http://lab').searchParams;
    const rate = stage === 'speak' ? Number(query.get('sample_rate') ?? SPEECH_RATE) : SPEECH_RATE;
    const text = asked.input ?? asked.text;
    return text ? this.speak(text, rate) : undefined;
  }

  private async speak(text: string, rate: number): Promise<Answer> {
    const key = `${rate} ${text}`;
    let answer = this.spoken.get(key);
    if (!answer) {
      answer = speechAnswer(resample(await this.voices.say(text), SPEECH_RATE, rate));
      if (this.spoken.size < MAX_SPOKEN) this.spoken.set(key, answer);
    }
    return answer;
  }

  private transcribe(body: Buffer, type: string): Answer | undefined {
    const form = readMultipart(body, type);
    const file = form.get('file');
    if (!file || !form.has('model')) return undefined;
    const { sampleRate, channels } = parseWav(file);
    return jsonAnswer(JSON.stringify({ text: this.hear(resample(channels[0], sampleRate, 8_000)) }));
  }

  private hear(pcm: Int16Array): string {
    const known = this.options.recognizes === false ? undefined : this.voices.recognize(pcm);
    return known ?? this.options.hears?.(pcm.length / 8) ?? '';
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { path, named } = route(request);
    const stage = STAGES[path];
    if (!stage || !WEB_SOCKETS.includes(stage)) {
      refuse(socket, 404);
      return;
    }
    const fault = this.note(stage, request, Buffer.alloc(0)) ?? named;
    // Unless it is read, its end is not noticed.
    if (fault?.kind === 'stall') socket.on('end', () => socket.destroy()).resume();
    else if (fault?.kind === 'closed') socket.destroy();
    else if (fault?.kind === 'status') refuse(socket, fault.status, fault.retryAfter);
    else if (!this.isAllowed(request)) refuse(socket, 401);
    else
      setTimeoutOrNow(fault?.kind === 'delay' ? fault.ms : 0, () => {
        this.webSockets.handleUpgrade(request, socket, head, (client) => {
          client.on('error', () => undefined);
          this.begun++;
          this.changed();
          const hear = (pcm: Int16Array) => this.hear(pcm);
          if (stage === 'listen') answerListening(client, hear, fault);
          else {
            const { rules = LAB_RULES } = this.options;
            new RealtimeAnswer(client, { hear, say: (text) => this.voices.sayOnLine(text), rules }, fault);
          }
        });
      });
  }
}

/** An address where nobody listens. */
export async function refusingUrl(): Promise<string> {
  const lab = await FakeVendors.start();
  const { url } = lab;
  await lab.close();
  return url;
}

const STAGES: Readonly<Record<string, Stage>> = {
  '/v1/chat/completions': 'chat',
  '/v1/audio/transcriptions': 'transcription',
  '/v1/audio/speech': 'speech',
  '/v1/listen': 'listen',
  '/v1/speak': 'speak',
  '/v1/realtime': 'realtime',
};

const WEB_SOCKETS: readonly Stage[] = ['listen', 'realtime'];

function route({ url = '' }: IncomingMessage): { path: string; named: Fault | undefined } {
  const [, name, path = ''] = /^(?:\/faults\/(\w+))?(\/[^?]*)/.exec(url) ?? [];
  return { path, named: name === undefined ? undefined : NAMED_FAULTS[name] };
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error('a request beyond all measure');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function speechAnswer(pcm: Int16Array): Answer {
  const bytes = pcmBytes(pcm);
  const pieces = Array.from({ length: Math.ceil(bytes.length / PIECE) }, (_, i) =>
    bytes.subarray(i * PIECE, (i + 1) * PIECE),
  );
  return { type: 'audio/pcm', pieces, sized: true, garbage: { type: 'text/html', body: '<html>oops' } };
}

function refuse(socket: Duplex, status: number, retryAfter?: string): void {
  const after = retryAfter === undefined ? '' : `Retry-After: ${retryAfter}\r\n`;
  socket.end(`HTTP/1.1 ${status} Lab\r\nConnection: close\r\n${after}Content-Length: 0\r\n\r\n`);
}

function setTimeoutOrNow(ms: number, action: () => void): void {
  if (ms > 0) setTimeout(action, ms);
  else action();
}
