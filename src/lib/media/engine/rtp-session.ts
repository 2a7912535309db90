import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { type AnswerDetector } from '../answer-detection/answer-detector.js';
import { FRAME_MS, FRAME_SAMPLES, RingingTone, SAMPLES_PER_MS } from '../../audio/index.js';
import { callQuality } from '../rtcp/call-quality.js';
import { DtmfSender, writeTone, type DtmfStep } from '../dtmf/dtmf.js';
import { Latch, type Endpoint } from '../rtp/latch.js';
import { SrtpLayer } from '../srtp/srtp-layer.js';
import { type MediaClock } from './media-clock.js';
import { type MediaHostOptions } from './media-messages.js';
import { type MediaEvent, type MediaReport, type MediaSessionOptions } from '../media-session.js';
import { UnbufferedReceiver } from '../rtp/unbuffered-receiver.js';
import { MediaSockets } from './media-sockets.js';
import { type CallQuality, type LocalMedia, type NegotiatedMedia } from '../media-types.js';
import { PlayoutQueue } from '../rtp/playout-queue.js';
import { Recorder } from '../recorder.js';
import { RtcpReporter } from '../rtcp/rtcp-reporter.js';
import { isRtcp, parseRtp } from '../rtp/rtp-packet.js';
import { RtpReceiver } from '../rtp/rtp-receiver.js';
import { RtpSender } from '../rtp/rtp-sender.js';

/** A longer delay means that the system clock was set. */
const MAX_ANSWER_DELAY_MS = 60_000;

/** Keys of the other line that wait to be played. */
const MAX_QUEUED_DIGITS = 16;

type EventFields = MediaEvent extends infer Each ? (Each extends MediaEvent ? Omit<Each, 'at'> : never) : never;

/** What a line needs of the worker that it lives in. */
export interface RtpSessionDeps {
  clock: MediaClock;
  newDetector: () => AnswerDetector;
  event: (event: MediaEvent) => void;
  /** Receives each frame while the session has a listener. The next frame reuses the array. */
  heard: (atMs: number, frame: Int16Array) => void;
}

/** The media of one call: everything between its sockets and its audio, 20 ms at a time. */
export class RtpSession {
  readonly local: LocalMedia;
  readonly queue = new PlayoutQueue();
  listening = false;

  private readonly latch = new Latch();
  private readonly security = new SrtpLayer();
  private readonly receiver = new RtpReceiver();
  private readonly dtmf = new DtmfSender();
  private readonly sender: RtpSender;
  private readonly rtcp: RtcpReporter;
  private media: NegotiatedMedia | undefined;
  private recorder: Recorder | undefined;
  private detector: AnswerDetector | undefined;
  private ringing: RingingTone | undefined;
  /** The bridged session: each plays the audio the other receives. */
  private other: RtpSession | undefined;
  private stopTicking: (() => void) | undefined;
  private closing: Promise<MediaReport> | undefined;

  /** Frames since the answer. */
  private frame = 0;
  private isAnswered = false;
  private lastPacketMs = 0;
  private isLost = false;
  private hears = false;
  private readonly ear = new UnbufferedReceiver((frame, behind) => {
    if (this.listening) this.surroundings.heard(Math.max(0, this.frame - behind) * FRAME_MS, frame);
  });
  private readonly heardFrame = new Int16Array(FRAME_SAMPLES);
  private readonly spokenFrame = new Int16Array(FRAME_SAMPLES);

  /** @throws {Error} when no port can be had. */
  static async open(
    options: MediaSessionOptions,
    host: MediaHostOptions,
    surroundings: RtpSessionDeps,
  ): Promise<RtpSession> {
    const sockets = await MediaSockets.bind(options.address ?? host.address, host.ports);
    return new RtpSession(options, host, surroundings, sockets);
  }

  private constructor(
    private readonly options: MediaSessionOptions,
    private readonly host: MediaHostOptions,
    private readonly surroundings: RtpSessionDeps,
    private readonly sockets: MediaSockets,
  ) {
    const bound = options.address ?? host.address;
    const isPublic = host.publicAddress !== undefined && isIP(host.publicAddress) === isIP(bound);
    this.local = {
      address: isPublic && options.address === undefined ? (host.publicAddress ?? bound) : bound,
      port: sockets.rtpPort,
      rtcpPort: options.rtcpMux ? sockets.rtpPort : sockets.rtcpPort,
    };
    this.sender = new RtpSender((packet) => {
      this.transmit(packet);
    });
    this.rtcp = new RtcpReporter({ ssrc: this.sender.ssrc, cname: randomUUID() }, performance.now());
    sockets.onRtp = (packet, source) => {
      this.receive(packet, source);
    };
    sockets.onRtcp = (packet, source) => {
      if (source.address === this.latch.target?.address) this.receiveRtcp(packet);
    };
  }

  connect(media: NegotiatedMedia): void {
    const receivedBefore = this.media?.receives;
    this.media = media;
    const target = this.latch.target;
    this.latch.negotiate(media.address, media.port);
    if (!sameEndpoint(target, this.latch.target)) this.sockets.disconnectRtp();
    this.security.use(media.srtp);
    this.receiver.setFormat(media);
    if (!receivedBefore && media.receives) this.lastPacketMs = performance.now();
  }

  answered(atMs: number): void {
    if (this.isAnswered || this.closing) return;
    this.isAnswered = true;
    const lateMs = Math.min(MAX_ANSWER_DELAY_MS, Math.max(0, Date.now() - atMs));
    this.frame = Math.round(lateMs / FRAME_MS);
    this.lastPacketMs = performance.now();
    if (this.options.recordTo !== undefined) {
      this.recorder = new Recorder(this.options.recordTo, (detail) => {
        this.tell({ type: 'recording-failed', detail });
      });
      this.recorder.silence(this.frame);
    }
    if (this.options.detectAnswer) this.detector = this.surroundings.newDetector();
    this.stopTicking = this.surroundings.clock.add((nowMs, skipped) => {
      this.tick(nowMs, skipped);
    });
  }

  /** @throws {RangeError} for what cannot be dialled. */
  sendDtmf(digits: string, done: () => void): void {
    this.dtmf.enqueue(digits, done);
  }

  /** Queues audio. A bridged session ignores it. */
  write(pcm: Int16Array): void {
    if (!this.other) this.queue.write(pcm);
  }

  ring(on: boolean): void {
    this.ringing = on ? (this.ringing ?? new RingingTone()) : undefined;
  }

  /** Connects two lines, each in nothing else. */
  bridge(other: RtpSession): void {
    if (this.other || other.other || other === this || this.closing || other.closing) return;
    this.join(other);
    other.join(this);
  }

  close(): Promise<MediaReport> {
    return (this.closing ??= this.end());
  }

  private async end(): Promise<MediaReport> {
    this.stopTicking?.();
    this.leave();
    this.sendRtcp(true);
    this.queue.clear();
    const [recordedMs = null] = await Promise.all([this.recorder?.close(), this.sockets.close()]);
    return { quality: this.quality(), recordedMs };
  }

  private join(other: RtpSession): void {
    this.other = other;
    this.ringing = undefined;
    // The new far end is another person than the one of the answer.
    this.detector = undefined;
    this.queue.clear();
  }

  private leave(): void {
    const { other } = this;
    this.other = undefined;
    other?.leave();
  }

  private tell(event: EventFields): void {
    this.surroundings.event({ at: new Date(), ...event });
  }

  // What arrives

  private receive(packet: Buffer, source: Endpoint): void {
    if (!this.media || this.closing) return;
    if (isRtcp(packet)) {
      if (source.address === this.latch.target?.address) this.receiveRtcp(packet);
      return;
    }
    const plain = this.security.unprotectRtp(packet);
    const rtp = plain && parseRtp(plain);
    // Our own SSRC is a loop: a host on the path returns our packets (RFC 3550 section 8.2).
    if (!rtp || rtp.ssrc === this.sender.ssrc) return;
    const now = performance.now();
    if (!this.isAnswered) {
      if (this.latch.isNegotiated(source)) this.receiver.early(rtp, now);
      return;
    }
    if (!this.latch.isLatched && !this.receiver.understands(rtp)) return;
    const wasLatched = this.latch.isLatched;
    if (!this.latch.accepts(source, rtp, this.security.isSecure)) return;
    if (!wasLatched) this.sockets.connectRtp(source);
    this.lastPacketMs = now;
    this.isLost = false;
    const codec = this.receiver.codec(rtp);
    if (codec) this.ear.packet(rtp, codec);
    const digit = this.receiver.packet(rtp, now);
    if (digit === undefined) return;
    // Digits of a bridged call, such as a PIN, go to the other party only.
    if (this.other) this.other.passOn(digit);
    else this.tell({ type: 'dtmf', digit });
  }

  private receiveRtcp(packet: Buffer): void {
    if (!this.media) return;
    const plain = this.security.unprotectRtcp(packet);
    if (!plain || !this.rtcp.receive(plain, Date.now(), this.sender.packets)) return;
    // RTCP keeps a line alive that has received RTP: a far end on hold or with silence suppression sends reports only.
    // Reports alone do not prove that audio can arrive.
    if (this.latch.isLatched) this.lastPacketMs = performance.now();
  }

  // What happens every 20 ms

  private tick(nowMs: number, skipped: number): void {
    if (skipped > 0) {
      this.frame += skipped;
      this.sender.skip(skipped);
      this.recorder?.silence(skipped);
    }
    const spoken = this.speak();
    this.hears = this.receiver.buffer.pop(this.heardFrame) !== 'nothing';
    this.recorder?.frame(this.hears ? this.heardFrame : undefined, spoken);
    this.ear.tick();
    this.frame++;
    if (this.detector && !this.detector.isDone)
      for (const found of this.detector.push(this.heardFrame)) this.tell(found);
    this.watch(nowMs);
    if (this.rtcp.isDue(nowMs)) this.sendRtcp(false);
  }

  /** Sends 20 ms; returns the speech in them. */
  private speak(): Int16Array | undefined {
    const { media } = this;
    if (!media?.sends || !this.latch.target || !this.security.isUsable) {
      this.sender.skip(1);
      return undefined;
    }
    const format = {
      ...media,
      payloadType: media.payloadTypes[media.codec] ?? (media.codec === 'PCMU' ? 0 : 8),
    };
    const step = this.dtmf.next();
    if (step && step.type !== 'gap' && media.dtmfPayloadType !== undefined) {
      this.sender.event(step, media.dtmfPayloadType, format);
      return undefined;
    }
    const spoken = step ? this.tone(step) : this.next();
    this.sender.audio(spoken ? this.spokenFrame : undefined, format);
    return spoken ? this.spokenFrame : undefined;
  }

  /** The next 20 ms to play. false: silence. */
  private next(): boolean {
    const { other } = this;
    if (!other) return this.queue.take(this.spokenFrame) || (this.ringing?.take(this.spokenFrame) ?? false);
    // All lines tick in turn on one clock, so that each frame of the other is played once and none has to wait.
    if (other.hears) this.spokenFrame.set(other.heardFrame);
    return other.hears;
  }

  /** Plays a digit of the bridged session. A full queue drops the digit. */
  private passOn(digit: string): void {
    if (this.dtmf.waiting < MAX_QUEUED_DIGITS) this.dtmf.enqueue(digit, () => undefined);
  }

  /** A step of a digit for a far end that takes no telephone events. false: a pause. */
  private tone(step: DtmfStep): boolean {
    if (step.type !== 'tone') return false;
    writeTone(this.spokenFrame, step.event, step.tick);
    return true;
  }

  private watch(nowMs: number): void {
    if (this.isLost || !this.media?.receives) return;
    if (nowMs - this.lastPacketMs < this.host.mediaTimeoutMs) return;
    this.isLost = true;
    this.tell({ type: 'media-lost' });
  }

  // What is sent

  private transmit(packet: Buffer): void {
    const { target } = this.latch;
    if (target) this.sockets.sendRtp(this.security.protectRtp(packet), target);
  }

  private sendRtcp(bye: boolean): void {
    const { media } = this;
    const target = this.latch.target;
    const nowMs = performance.now();
    if (!media || !target || !this.isAnswered || !this.security.isUsable) return;
    const { packets, octets, timestamp: rtpTimestamp } = this.sender;
    const wallMs = Date.now();
    const sender = packets > 0 ? { wallMs, rtpTimestamp, packets, octets } : undefined;
    const report = this.security.protectRtcp(this.rtcp.build({ nowMs, wallMs, sender, bye }, this.receiver.stats));
    const muxed = media.rtcpPort === media.port;
    this.sockets.sendRtcp(report, { address: target.address, port: muxed ? target.port : media.rtcpPort }, muxed);
  }

  private quality(): CallQuality {
    const { stats, buffer } = this.receiver;
    return callQuality({
      packetsSent: this.sender.packets,
      packetsReceived: stats.received,
      packetsMissing: stats.lost,
      packetsLate: buffer.late,
      jitterMs: stats.jitter / SAMPLES_PER_MS,
      bufferMs: buffer.delayMs,
      remoteLossPercent: this.rtcp.remoteLossPercent,
      roundTripMs: this.rtcp.roundTripMs,
    });
  }
}

function sameEndpoint(a: Endpoint | undefined, b: Endpoint | undefined): boolean {
  return a?.address === b?.address && a?.port === b?.port;
}
