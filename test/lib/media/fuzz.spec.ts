import { createSocket } from 'node:dgram';
import fc from 'fast-check';
import { DtmfReceiver } from '../../../src/lib/media/dtmf/dtmf.js';
import { Latch } from '../../../src/lib/media/rtp/latch.js';
import { newSrtpKey, SrtpContext } from '../../../src/lib/media/srtp/srtp.js';
import { type MediaEngine } from '../../../src/lib/media/engine/media-engine.js';
import { buildRtcp } from '../../../src/lib/media/rtcp/rtcp.js';
import { RtcpReporter } from '../../../src/lib/media/rtcp/rtcp-reporter.js';
import { isRtcp, parseRtp, writeRtpHeader } from '../../../src/lib/media/rtp/rtp-packet.js';
import { RtpReceiver } from '../../../src/lib/media/rtp/rtp-receiver.js';
import { parseWavHeader, wavHeader } from '../../../src/lib/audio/wav.js';
import { Bench, chirp, conversation, Ear } from './lines.js';

const PACKETS = 100_000;

/** Reproducible numbers below `bound`. */
function randomNumbers(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** A well-formed packet with some bytes changed, cut or lengthened. */
function mutated(original: Buffer, random: (bound: number) => number): Buffer {
  let packet = Buffer.from(original);
  for (let changes = random(4); changes >= 0; changes--) {
    const at = random(packet.length || 1);
    const kind = random(5);
    if (kind === 0) packet = packet.subarray(0, at);
    else if (kind === 1) packet = Buffer.concat([packet, Buffer.alloc(random(40), random(256))]);
    else if (packet.length > 0) packet[kind === 2 ? random(Math.min(16, packet.length)) : at] = random(256);
  }
  return packet;
}

function samples(): Buffer[] {
  const rtp = (payloadType: number, payload: Buffer, sequence: number): Buffer => {
    const packet = Buffer.concat([Buffer.alloc(12), payload]);
    writeRtpHeader(packet, { payloadType, marker: false, sequence, timestamp: sequence * 160, ssrc: 5 });
    return packet;
  };
  const block = {
    ssrc: 9,
    fractionLost: 1,
    cumulativeLost: 2,
    highestSequence: 3,
    jitter: 4,
    lastReport: 5,
    delaySinceLastReport: 6,
  };
  const sender = { wallMs: 1_700_000_000_000, rtpTimestamp: 1, packets: 2, octets: 3 };
  return [
    rtp(0, Buffer.alloc(160, 0x55), 1),
    rtp(8, Buffer.alloc(480, 0x55), 2),
    rtp(101, Buffer.of(5, 0x8a, 3, 0), 3),
    buildRtcp({ ssrc: 5, cname: 'someone', sender, block, bye: true }),
    buildRtcp({ ssrc: 5, cname: '', sender: undefined, block, bye: false }),
  ];
}

describe(`${PACKETS} broken packets`, () => {
  it('throw nothing, and are remembered within bounds', () => {
    const random = randomNumbers(20_261_124);
    const key = newSrtpKey('AES_CM_128_HMAC_SHA1_32');
    const [ours, theirs] = [new SrtpContext(key), new SrtpContext(key)];
    const receiver = new RtpReceiver();
    receiver.setFormat({ payloadTypes: { PCMU: 0 }, dtmfPayloadType: 101 });
    const reporter = new RtcpReporter({ ssrc: 9, cname: '' }, 0);
    const latch = new Latch();
    latch.negotiate('192.0.2.1', 4_000);
    const dtmf = new DtmfReceiver();
    const frame = new Int16Array(160);
    const originals = samples();
    const secured = originals.map((packet) => (isRtcp(packet) ? ours.protectRtcp(packet) : ours.protectRtp(packet)));
    let understood = 0;
    let believed = 0;
    for (let n = 0; n < PACKETS; n++) {
      const pick = random(originals.length);
      const packet = mutated(originals[pick]!, random);
      const rtp = parseRtp(packet);
      if (rtp) {
        understood++;
        latch.accepts({ address: '203.0.113.1', port: random(65_536) }, rtp, false);
        receiver.packet(rtp, n);
        dtmf.packet(rtp);
      }
      reporter.receive(packet, n, n);
      reporter.build({ nowMs: n, wallMs: n, sender: undefined, bye: false }, receiver.stats);
      receiver.buffer.pop(frame);
      const forged = mutated(secured[pick]!, random);
      if (forged.equals(secured[pick]!)) continue;
      if (theirs.unprotectRtp(forged) ?? theirs.unprotectRtcp(forged)) believed++;
    }
    // It must have come further than the first check.
    expect(understood).toBeGreaterThan(PACKETS / 10);
    expect(believed).toBe(0);
    expect(receiver.buffer.delayMs).toBeLessThanOrEqual(240);
    const sources = (theirs as unknown as { rtpSources: Map<number, unknown> }).rtpSources;
    expect(sources.size).toBeLessThanOrEqual(16);
  });

  it('do not disturb a call', async () => {
    const bench = new Bench();
    try {
      const engine: MediaEngine = await bench.engine();
      const [a, b] = await conversation(engine);
      const ear = new Ear(b);
      await ear.frameCount(5);
      const random = randomNumbers(7);
      const socket = createSocket('udp4');
      for (let n = 0; n < 2_000; n++) {
        const packet = mutated(samples()[random(5)]!, random);
        await new Promise((resolve) => {
          socket.send(packet, n % 2 ? b.local.port : b.local.rtcpPort, b.local.address, resolve);
        });
      }
      socket.close();
      a.audio.write(chirp(200));
      await ear.until(() => ear.isLoud);
      expect((await b.close()).quality.lossPercent).toBeLessThan(50);
    } finally {
      await bench.close();
    }
  });
});

describe('headers of WAV files', () => {
  it('are understood or refused in words, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 6 }), fc.nat(70), (changes, length) => {
        const file = Buffer.concat([wavHeader(16, 2), Buffer.alloc(26)]).subarray(0, length);
        for (const [at, byte] of changes) if (at < file.length) file[at] = byte;
        try {
          expect(parseWavHeader(file).dataAt).toBeLessThanOrEqual(file.length);
        } catch (error) {
          expect((error as Error).message).toMatch(/WAV/);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
