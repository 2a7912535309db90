import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type SipTarget } from '../../src/lib/sip/sip-types.js';
import { type SipRequest } from '../../src/lib/sip/message/sip-message.js';
import { decodeG711, encodeG711 } from '../../src/lib/audio/g711.js';
import { UdpPhone } from '../lib/sip/udp-phone.js';

const ADDRESS = '127.0.0.2';
const FRAME = 160;
const FRAME_MS = 20;
const HEADER = 12;
/** Amplitude above noise. */
const LOUD = 500;
/** Frames of silence after which the agent has finished. */
const PAUSE_FRAMES = 15;

/** A fake customer: speaks after the greeting, and hangs up on request. */
export class Callee {
  /** The call has ended. */
  gone = false;
  /** Seconds of sound after its own words. */
  heardSeconds = 0;
  private isGreeted = false;
  private quietFrames = 0;
  private spoken = 0;
  private sequence = 0;
  private target: { port: number; address: string } | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly words: Int16Array,
    private readonly bye: () => void,
  ) {
    socket.on('error', () => undefined);
    socket.on('message', (packet, from) => {
      this.target = { port: from.port, address: from.address };
      if ((packet[1]! & 0x7f) === 0) this.hear(isLoud(decodeG711('PCMU', packet.subarray(HEADER))));
    });
  }

  get sdp(): string {
    const { port } = this.socket.address();
    const lines = ['v=0', `o=callee 1 1 IN IP4 ${ADDRESS}`, 's=-', `c=IN IP4 ${ADDRESS}`, 't=0 0'];
    return [...lines, `m=audio ${port} RTP/AVP 0`, ''].join('\r\n');
  }

  /** Whether the agent has spoken for at least `seconds` and has finished. */
  isAnswered(seconds: number): boolean {
    return this.heardSeconds >= seconds && this.quietFrames > PAUSE_FRAMES;
  }

  hangUp(): void {
    this.gone = true;
    this.bye();
  }

  /** Sends the next 20 ms. */
  tick(): void {
    if (!this.target || this.gone) return;
    const frame = this.isGreeted && this.quietFrames > PAUSE_FRAMES ? this.nextWords() : new Int16Array(FRAME);
    const packet = Buffer.alloc(HEADER);
    packet.writeUInt16BE(0x8000);
    packet.writeUInt16BE(this.sequence & 0xffff, 2);
    packet.writeUInt32BE(this.sequence++ * FRAME, 4);
    packet.writeUInt32BE(1, 8);
    this.socket.send(Buffer.concat([packet, encodeG711('PCMU', frame)]), this.target.port, this.target.address);
  }

  close(): void {
    this.socket.close();
  }

  private hear(isSound: boolean): void {
    this.quietFrames = isSound ? 0 : this.quietFrames + 1;
    if (!isSound) return;
    if (this.spoken === 0) this.isGreeted = true;
    else this.heardSeconds += FRAME_MS / 1_000;
  }

  private nextWords(): Int16Array {
    const frame = new Int16Array(FRAME);
    frame.set(this.words.subarray(this.spoken, this.spoken + FRAME));
    this.spoken += FRAME;
    return frame;
  }
}

const isLoud = (frame: Int16Array): boolean => frame.some((sample) => Math.abs(sample) > LOUD);

/** Seconds of sound, counted like a callee does. */
export const soundIn = (pcm: Int16Array): number =>
  Array.from({ length: Math.ceil(pcm.length / FRAME) }, (_, i) => pcm.subarray(i * FRAME, (i + 1) * FRAME)).filter(
    isLoud,
  ).length *
  (FRAME_MS / 1_000);

/** The sender of a request: several user agents may call. */
function senderOf({ headers }: SipRequest): { address: string; port: number } {
  const [, address = '', port] = /^SIP\/2\.0\/UDP ([^:;]+):(\d+)/.exec(headers.get('via') ?? '') ?? [];
  return { address, port: Number(port) };
}

/** Any number of fake customers behind one SIP address. They answer at once. */
export class Callees {
  private readonly all = new Map<string, Callee>();
  private readonly known = new Set<string>();
  private read = 0;
  private readonly timer: NodeJS.Timeout;
  private frames = 0;
  private readonly beganMs = performance.now();

  private constructor(
    private readonly phone: UdpPhone,
    private readonly words: Int16Array,
  ) {
    this.timer = setInterval(() => {
      this.tick();
    }, FRAME_MS / 2);
  }

  static async start(words: Int16Array): Promise<Callees> {
    return new Callees(await UdpPhone.start(ADDRESS), words);
  }

  get target(): SipTarget {
    return this.phone.target;
  }

  /** By the dialled number. */
  of(number: string): Callee | undefined {
    return this.all.get(number);
  }

  close(): void {
    clearInterval(this.timer);
    this.phone.close();
    for (const callee of this.all.values()) callee.close();
  }

  private tick(): void {
    const { received } = this.phone;
    for (; this.read < received.length; this.read++) {
      const message = received[this.read]!;
      if (message.kind === 'request') void this.take(message);
    }
    for (; this.frames * FRAME_MS < performance.now() - this.beganMs; this.frames++)
      for (const callee of this.all.values()) callee.tick();
  }

  private async take(request: SipRequest): Promise<void> {
    const id = `${request.method} ${request.headers.get('via') ?? ''}`;
    const to = senderOf(request);
    const number = /sip:(\+\d+)@/.exec(request.headers.get('to') ?? '')?.[1] ?? '';
    if (request.method === 'BYE') {
      this.phone.respond(request, 200, { to });
      const callee = this.all.get(number);
      if (callee) callee.gone = true;
    }
    if (request.method !== 'INVITE' || this.known.has(id)) return;
    this.known.add(id);
    this.phone.respond(request, 180, { to });
    const socket = createSocket('udp4').bind(0, ADDRESS);
    await once(socket, 'listening');
    const callee = new Callee(socket, this.words, () => {
      this.phone.ask(request, 'BYE', 1, { to });
    });
    this.all.set(number, callee);
    this.phone.respond(request, 200, { sdp: callee.sdp, to });
  }
}
