import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { type Worker } from 'node:worker_threads';
import { newSrtpKey } from '../../../src/lib/media/srtp/srtp.js';
import { type MediaEngine } from '../../../src/lib/media/engine/media-engine.js';
import { type MediaEvent, type MediaSession } from '../../../src/lib/media/media-session.js';
import { type SrtpKey } from '../../../src/lib/media/media-types.js';
import { AnswerDetector } from '../../../src/lib/media/answer-detection/answer-detector.js';
import { encodeG711 } from '../../../src/lib/audio/g711.js';
import { MediaClock } from '../../../src/lib/media/engine/media-clock.js';
import { RtpSession } from '../../../src/lib/media/engine/rtp-session.js';
import { type MediaSockets } from '../../../src/lib/media/engine/media-sockets.js';
import { writeRtpHeader } from '../../../src/lib/media/rtp/rtp-packet.js';
import { parseRtcp } from '../../../src/lib/media/rtcp/rtcp.js';
import { Bench, chirp, conversation, correlate, Ear, eventOf, LOOPBACK, negotiated } from './lines.js';

let bench: Bench;
let engine: MediaEngine;

beforeEach(async () => {
  bench = new Bench();
  engine = await bench.engine();
});
afterEach(() => bench.close());

/**
 * How well what one says arrives at the other. On a machine that is busy with other things a frame may come too late,
 * which is heard: then it is said again.
 */
async function saysAndHears(speaker: MediaSession, hearer: MediaSession): Promise<number> {
  let likeness = 0;
  for (let attempt = 0; attempt < 10 && likeness <= 0.99; attempt++) {
    const ear = new Ear(hearer);
    const sound = chirp(600);
    speaker.audio.write(sound);
    expect(await speaker.audio.mark()).toBe('played');
    await ear.until(() => ear.isLoud);
    await ear.until(() => !ear.isLoud);
    ear.close();
    ({ likeness } = correlate(ear.samples, sound));
  }
  return likeness;
}

describe('a conversation', () => {
  it.each([
    ['PCMU', 20],
    ['PCMA', 20],
    ['PCMU', 10],
    ['PCMA', 30],
    ['PCMU', 60],
  ] as const)('is heard on both ends in %s with packets of %d ms', async (codec, ptimeMs) => {
    const [a, b] = await conversation(engine, { a: { codec, ptimeMs }, b: { codec, ptimeMs } });
    const likeness = await Promise.all([saysAndHears(a, b), saysAndHears(b, a)]);
    expect(Math.min(...likeness)).toBeGreaterThan(0.99);
  });

  it('works over IPv6', async () => {
    const ipv6 = await bench.engine({ address: '::1' });
    const [a, b] = await conversation(ipv6);
    expect(a.local.address).toBe('::1');
    expect(await saysAndHears(a, b)).toBeGreaterThan(0.99);
  });

  it('works where one session binds another address than the engine', async () => {
    const options = { address: '127.0.0.2' };
    const [a, b] = await conversation(engine, {}, { b: options });
    expect([a.local.address, b.local.address]).toEqual([LOOPBACK, '127.0.0.2']);
    expect(await saysAndHears(a, b)).toBeGreaterThan(0.99);
  });

  it.each(['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'] as const)('is protected by %s', async (suite) => {
    const [first, second] = [newSrtpKey(suite), newSrtpKey(suite)];
    const [a, b] = await conversation(engine, {
      a: { srtp: { ours: first, theirs: second } },
      b: { srtp: { ours: second, theirs: first } },
    });
    const likeness = await Promise.all([saysAndHears(a, b), saysAndHears(b, a)]);
    expect(Math.min(...likeness)).toBeGreaterThan(0.99);
  });

  it('is not heard with another key, and never falls back to none', async () => {
    const key = (): SrtpKey => newSrtpKey('AES_CM_128_HMAC_SHA1_80');
    const [first, second, other] = [key(), key(), key()];
    const [a, b] = await conversation(engine, {
      a: { srtp: { ours: first, theirs: second } },
      b: { srtp: { ours: second, theirs: other } },
    });
    const ear = new Ear(b);
    a.audio.write(chirp(200));
    await a.audio.mark();
    await ear.frameCount(10);
    expect(ear.frames.some((frame) => frame.some((sample) => sample !== 0))).toBe(false);
    expect((await b.close()).quality.packetsReceived).toBe(0);
  });

  it('carries digits as tones where events are not understood', async () => {
    const [a, b] = await conversation(engine, { a: { dtmfPayloadType: undefined } });
    const tone = Int16Array.from(
      { length: 960 },
      (_, i) => 6_000 * [770, 1_336].reduce((sum, hz) => sum + Math.sin((2 * Math.PI * hz * i) / 8_000), 0),
    );
    const hears = async (): Promise<number> => {
      const ear = new Ear(b);
      const sent = a.sendDtmf('5');
      await ear.until(() => ear.isLoud);
      await sent;
      await ear.until(() => !ear.isLoud);
      ear.close();
      return correlate(ear.samples, tone).likeness;
    };
    // As for speech: a busy machine may need to say it again.
    let likeness = await hears();
    for (let attempt = 0; attempt < 9 && likeness <= 0.99; attempt++) likeness = await hears();
    expect(likeness).toBeGreaterThan(0.99);
  });

  it('carries digits both ways, also during speech', async () => {
    const [a, b] = await conversation(engine);
    a.audio.write(chirp(2_000));
    const heard = async (session: MediaSession, count: number): Promise<string> => {
      let digits = '';
      for await (const event of session.events) {
        if (event.type === 'dtmf') digits += event.digit;
        if (digits.length === count) break;
      }
      return digits;
    };
    const [atB, atA] = await Promise.all([heard(b, 5), heard(a, 2), a.sendDtmf('159#d'), b.sendDtmf('*,0')]);
    expect([atB, atA]).toEqual(['159#D', '*0']);
  });

  it('refuses digits that do not exist', async () => {
    const [a] = await conversation(engine);
    await expect(a.sendDtmf('12x')).rejects.toThrow(RangeError);
  });

  it('tells how much was played of what was cleared', async () => {
    const [a, b] = await conversation(engine);
    const ear = new Ear(b);
    a.audio.write(chirp(60_000));
    const mark = a.audio.mark();
    await ear.until(() => ear.isLoud);
    await ear.frameCount(5);
    const { playedMs } = await a.audio.clear();
    expect(await mark).toBe('cleared');
    expect(playedMs).toBeGreaterThanOrEqual(100);
    expect(playedMs % 20).toBe(0);
    await ear.until(() => !ear.isLoud);
    // What was in flight is heard to its end, and no more: 20 ms a frame.
    const loud = ear.frames.filter((frame) => frame.some((sample) => Math.abs(sample) > 500)).length;
    expect(Math.abs(loud * 20 - playedMs)).toBeLessThanOrEqual(60);
    expect(await a.audio.clear()).toEqual({ playedMs: 0 });
  });

  it('counts its frames from the answer', async () => {
    const [a, b] = await Promise.all([engine.open({}), engine.open({})]);
    a.connect(negotiated(b.local));
    const ear = new Ear(a);
    a.answered(new Date(Date.now() - 10_000));
    await ear.frameCount(5);
    const [first = 0] = ear.moments;
    expect(first).toBeGreaterThanOrEqual(10_000);
    expect(ear.moments.slice(0, 5)).toEqual([0, 20, 40, 60, 80].map((ms) => first + ms));
  });

  it('sends nothing before the answer, and hears nothing', async () => {
    const [a, b] = await Promise.all([engine.open({}), engine.open({})]);
    a.connect(negotiated(b.local));
    b.connect(negotiated(a.local));
    const ear = new Ear(a);
    b.answered(new Date());
    b.audio.write(chirp(300));
    a.audio.write(chirp(300));
    await b.audio.mark();
    expect(ear.frames).toHaveLength(0);
    a.answered(new Date());
    await a.audio.mark();
    const [ofA, ofB] = [await a.close(), await b.close()];
    expect(ofA.quality.packetsReceived).toBeGreaterThanOrEqual(15);
    expect(ofB.quality.packetsReceived).toBeLessThanOrEqual(ofA.quality.packetsSent);
    expect(isFinite(ofA.quality.mos)).toBe(true);
  });

  it('reports both directions over RTCP, on ports of its own and shared', async () => {
    for (const rtcpMux of [false, true]) {
      const [a, b] = await conversation(engine, {}, { a: { rtcpMux }, b: { rtcpMux } });
      expect(a.local.rtcpPort).toBe(a.local.port + (rtcpMux ? 0 : 1));
      const ear = new Ear(b);
      await ear.frameCount(20);
      const report = await a.close();
      await ear.frameCount(2);
      const { quality } = await b.close();
      // The BYE of the one that closed brought its report.
      expect(quality.remoteLossPercent).toBe(0);
      expect(report.quality.packetsReceived).toBeGreaterThan(10);
      expect(quality.mos).toBeGreaterThan(4);
    }
  });
});

describe('hold', () => {
  it('stops what is sent and keeps speech for later', async () => {
    const [a, b] = await conversation(engine);
    const ear = new Ear(b);
    await ear.frameCount(5);
    a.connect(negotiated(b.local, { sends: false }));
    a.audio.write(chirp(300));
    // The order of commands is kept: what this asks is after the hold.
    await a.audio.clear();
    a.audio.write(chirp(300));
    await ear.frameCount(20);
    expect(ear.frames.some((frame) => frame.some((sample) => Math.abs(sample) > 500))).toBe(false);
    a.connect(negotiated(b.local));
    await ear.until(() => ear.isLoud);
    await a.audio.mark();
  });

  it('is no loss of media, but silence of one who should send is', async () => {
    const impatient = await bench.engine({ mediaTimeoutMs: 100 });
    const [held, lost] = await Promise.all([impatient.open({}), impatient.open({})]);
    const nobody = { address: LOOPBACK, port: 9 };
    held.connect(negotiated(nobody, { receives: false }));
    lost.connect(negotiated(nobody));
    held.answered(new Date());
    lost.answered(new Date());
    expect(await eventOf(lost, 'media-lost')).toMatchObject({ type: 'media-lost' });
    await held.close();
    const events: MediaEvent[] = [];
    for await (const event of held.events) events.push(event);
    expect(events).toEqual([]);
  });

  it('ends with a codec changed and the line goes on', async () => {
    const [a, b] = await conversation(engine);
    expect(await saysAndHears(a, b)).toBeGreaterThan(0.99);
    a.connect(negotiated(b.local, { codec: 'PCMA' }));
    expect(await saysAndHears(a, b)).toBeGreaterThan(0.99);
  });
});

/** A far end made by hand: it sends what no session would. */
class Peer {
  readonly received: Buffer[] = [];
  private sequence = 100;
  private constructor(readonly socket: Socket) {
    socket.on('message', (packet) => this.received.push(packet));
    socket.on('error', () => undefined);
  }

  static async open(): Promise<Peer> {
    const socket = createSocket('udp4').bind(0, LOOPBACK);
    await once(socket, 'listening');
    return new Peer(socket);
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** A packet of 20 ms at one level. */
  async send(to: Pick<MediaSession, 'local'>, level: number, ssrc = 77): Promise<void> {
    const packet = Buffer.alloc(172);
    const sequence = this.sequence++;
    writeRtpHeader(packet, { payloadType: 0, marker: false, sequence, timestamp: sequence * 160, ssrc });
    packet.set(encodeG711('PCMU', new Int16Array(160).fill(level)), 12);
    await new Promise((resolve) => {
      this.socket.send(packet, to.local.port, LOOPBACK, resolve);
    });
  }

  get rtp(): Buffer[] {
    return this.received.filter((packet) => packet[1] !== undefined && (packet[1] < 192 || packet[1] > 223));
  }
}

describe('the latch', () => {
  const peers: Peer[] = [];
  const peer = async (): Promise<Peer> => {
    const opened = await Peer.open();
    peers.push(opened);
    return opened;
  };
  afterEach(() => {
    for (const { socket } of peers.splice(0)) socket.close();
  });

  it('ignores another source once the far end has been heard, and never answers it', async () => {
    const [far, attacker] = [await peer(), await peer()];
    const session = await engine.open({});
    session.connect(negotiated({ address: LOOPBACK, port: far.port }));
    session.answered(new Date());
    const ear = new Ear(session);
    for (let n = 0; n < 4; n++) await far.send(session, 1_000);
    await ear.until(() => ear.isLoud);
    for (let n = 0; n < 50; n++) await attacker.send(session, 20_000, 99);
    for (let n = 0; n < 4; n++) await far.send(session, 1_000);
    await ear.frameCount(20);
    expect(Math.max(...ear.frames.map((frame) => Math.max(...frame)))).toBeLessThan(2_000);
    expect(attacker.received).toHaveLength(0);
    expect((await session.close()).quality.packetsReceived).toBe(8);
  });

  it('does not move to an attacker who only sprays single packets before the far end comes', async () => {
    const [far, attacker] = [await peer(), await peer()];
    const session = await engine.open({});
    session.connect(negotiated({ address: LOOPBACK, port: far.port }));
    session.answered(new Date());
    const ear = new Ear(session);
    await attacker.send(session, 20_000);
    await ear.frameCount(3);
    for (let n = 0; n < 4; n++) await far.send(session, 1_000);
    await ear.until(() => ear.isLoud);
    expect(attacker.received).toHaveLength(0);
    expect(far.rtp.length).toBeGreaterThan(0);
  });

  it('follows a far end behind NAT to where it really is', async () => {
    const [announced, real] = [await peer(), await peer()];
    const session = await engine.open({});
    session.connect(negotiated({ address: LOOPBACK, port: announced.port }));
    session.answered(new Date());
    const ear = new Ear(session);
    for (let n = 0; n < 12; n++) await real.send(session, 1_000);
    await ear.until(() => ear.isLoud);
    await ear.frameCount(5);
    expect(real.rtp.length).toBeGreaterThan(0);
    const before = announced.rtp.length;
    await ear.frameCount(5);
    expect(announced.rtp.length).toBe(before);
  });

  it('does not latch before the answer', async () => {
    const [far, early] = [await peer(), await peer()];
    // Without the worker, as only from inside can be told that packets have arrived and were passed over.
    const line = await RtpSession.open(
      {},
      { address: LOOPBACK, publicAddress: undefined, ports: undefined, mediaTimeoutMs: 60_000 },
      {
        clock: new MediaClock(() => undefined),
        newDetector: () => new AnswerDetector(),
        event: () => undefined,
        heard: () => undefined,
      },
    );
    const { sockets } = line as unknown as { sockets: MediaSockets };
    const arrivals = new EventEmitter();
    let arrived = 0;
    const { onRtp } = sockets;
    sockets.onRtp = (packet, source) => {
      onRtp(packet, source);
      arrived++;
      arrivals.emit('packet');
    };
    line.connect(negotiated({ address: LOOPBACK, port: far.port }));
    for (let n = 0; n < 10; n++) await early.send(line, 20_000);
    while (arrived < 10) await once(arrivals, 'packet');
    line.answered(Date.now());
    while (far.rtp.length < 3) await once(far.socket, 'message');
    await line.close();
    expect(early.received).toHaveLength(0);
  });

  it('ends a call with RTCP BYE to the far end', async () => {
    const far = await peer();
    const session = await engine.open({ rtcpMux: true });
    session.connect(negotiated({ address: LOOPBACK, port: far.port }));
    session.answered(new Date());
    const ear = new Ear(session);
    await ear.frameCount(3);
    await session.close();
    const isBye = (packet: Buffer): boolean => (parseRtcp(packet)?.byes.length ?? 0) > 0;
    while (!far.received.some(isBye)) await once(far.socket, 'message');
    const bye = parseRtcp(far.received.find(isBye)!);
    expect(bye?.byes).toEqual([far.rtp[0]?.readUInt32BE(8)]);
    expect(bye?.reports[0]?.sender).toBeDefined();
  });
});

describe('ports', () => {
  it('are even, in their range, and refused when there are none left', async () => {
    const ports = { min: 43_211, max: 43_216 };
    const few = await bench.engine({ ports });
    const sessions = [await few.open({}), await few.open({})];
    expect(sessions.map(({ local }) => [local.port, local.rtcpPort]).sort()).toEqual([
      [43_212, 43_213],
      [43_214, 43_215],
    ]);
    await expect(few.open({})).rejects.toThrow('no pair of ports is free from 43211 to 43216');
    await sessions[0]?.close();
    expect((await few.open({})).local.port).toBe(sessions[0]?.local.port);
  });

  it('are told with the public address behind NAT', async () => {
    const behind = await bench.engine({ publicAddress: '203.0.113.5' });
    expect((await behind.open({})).local.address).toBe('203.0.113.5');
  });

  it('of an address that is not ours are an error', async () => {
    await expect(engine.open({ address: '192.0.2.1' })).rejects.toThrow('EADDRNOTAVAIL');
  });
});

describe('the worker', () => {
  const crash = (of: MediaEngine): Promise<number> => (of as unknown as { worker: Worker }).worker.terminate();

  it('that crashes loses the media of all sessions, and is replaced', async () => {
    const [a, b] = await conversation(engine);
    a.audio.write(chirp(10_000));
    const mark = a.audio.mark();
    const digits = expect(a.sendDtmf('1,,,,,,,,2')).rejects.toThrow('closed');
    await crash(engine);
    expect(await eventOf(a, 'media-lost')).toBeDefined();
    expect(await eventOf(b, 'media-lost')).toBeDefined();
    expect(await mark).toBe('cleared');
    await digits;
    expect((await a.close()).recordedMs).toBeNull();
    const [c, d] = await conversation(engine);
    expect(await saysAndHears(c, d)).toBeGreaterThan(0.99);
  });

  it('is gone once the engine is closed, with sessions open or being opened', async () => {
    const { worker } = engine as unknown as { worker: Worker };
    const exited = once(worker, 'exit');
    const session = await engine.open({});
    const opening = engine.open({}).catch(() => 'refused');
    await engine.close();
    expect(await exited).toEqual([0]);
    expect((await session.close()).quality.packetsSent).toBe(0);
    await opening;
    await expect(engine.open({})).rejects.toThrow('closed');
  });

  it('gives one report, however often a session is closed', async () => {
    const [a] = await conversation(engine);
    const [first, second] = await Promise.all([a.close(), a.close()]);
    expect(first).toBe(second);
    expect(await a.audio.mark()).toBe('cleared');
    expect(await a.audio.clear()).toEqual({ playedMs: 0 });
    await expect(a.sendDtmf('1')).rejects.toThrow('closed');
  });
});
