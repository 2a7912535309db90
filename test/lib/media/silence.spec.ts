import { encodeG711 } from '../../../src/lib/audio/g711.js';
import { AnswerDetector } from '../../../src/lib/media/answer-detection/answer-detector.js';
import { type MediaClock } from '../../../src/lib/media/engine/media-clock.js';
import { RtpSession } from '../../../src/lib/media/engine/rtp-session.js';
import { type MediaSockets } from '../../../src/lib/media/engine/media-sockets.js';
import { buildRtcp } from '../../../src/lib/media/rtcp/rtcp.js';
import { writeRtpHeader } from '../../../src/lib/media/rtp/rtp-packet.js';
import { LOOPBACK, negotiated } from './lines.js';

const FAR = { address: LOOPBACK, port: 9 };
const TIMEOUT_MS = 60_000;
const SSRC = 77;

/** A line whose packets and ticks are given to it, so that nothing depends on how fast they come. */
async function openLine() {
  let tick: (nowMs: number, skipped: number) => void = () => undefined;
  const clock = {
    add: (each: typeof tick) => {
      tick = each;
      return () => undefined;
    },
  } as unknown as MediaClock;
  const told: string[] = [];
  const line = await RtpSession.open(
    {},
    { address: LOOPBACK, publicAddress: undefined, ports: undefined, mediaTimeoutMs: TIMEOUT_MS },
    { clock, newDetector: () => new AnswerDetector(), event: ({ type }) => told.push(type), heard: () => undefined },
  );
  line.connect(negotiated(FAR));
  line.answered(Date.now());
  const { sockets } = line as unknown as { sockets: MediaSockets };
  return {
    line,
    told,
    speaks: () => {
      const packet = Buffer.alloc(172);
      writeRtpHeader(packet, { payloadType: 0, marker: true, sequence: 1, timestamp: 160, ssrc: SSRC });
      packet.set(encodeG711('PCMU', new Int16Array(160)), 12);
      sockets.onRtp(packet, FAR);
    },
    reports: (packet = buildRtcp({ ssrc: SSRC, cname: 'far', sender: undefined, block: undefined, bye: false })) => {
      sockets.onRtcp(packet, FAR);
    },
    /** The moment at which a line that has heard nothing since a moment is lost. */
    waitsFrom: (momentMs: number) => {
      tick(momentMs + TIMEOUT_MS, 0);
    },
  };
}

describe('a far end that sends no audio', () => {
  it('is not lost while it reports: it was heard, and is silent by choice', async () => {
    const { line, told, speaks, reports, waitsFrom } = await openLine();
    speaks();
    const heard = performance.now();
    reports();
    waitsFrom(heard);
    expect(told).toEqual([]);
    waitsFrom(performance.now());
    expect(told).toEqual(['media-lost']);
    await line.close();
  });

  it('is lost though it reports when it was never heard', async () => {
    const { line, told, reports, waitsFrom } = await openLine();
    const answered = performance.now();
    reports();
    waitsFrom(answered);
    expect(told).toEqual(['media-lost']);
    await line.close();
  });

  it('is lost when what it sends is no report', async () => {
    const { line, told, speaks, reports, waitsFrom } = await openLine();
    speaks();
    const heard = performance.now();
    reports(Buffer.from([0x80, 200, 0xff, 0xff]));
    waitsFrom(heard);
    expect(told).toEqual(['media-lost']);
    await line.close();
  });
});
