import { type DtmfStep } from '../dtmf/dtmf.js';
import { encodeG711, G711_CODECS } from '../../audio/index.js';
import { parseRtp, type RtpPacket } from './rtp-packet.js';
import { RtpSender, type SendFormat } from './rtp-sender.js';

const FORMAT: SendFormat = { codec: 'PCMA', payloadType: 8, dtmfPayloadType: 101, ptimeMs: 20 };
const frameOf = (value: number): Int16Array => new Int16Array(160).fill(value);

class Wire {
  readonly packets: RtpPacket[] = [];
  readonly sender = new RtpSender((packet) => {
    const parsed = parseRtp(Buffer.from(packet));
    if (parsed) this.packets.push(parsed);
  });

  get bytes(): Buffer {
    return Buffer.concat(this.packets.map(({ payload }) => payload));
  }
}

describe('sending RTP', () => {
  it.each([10, 20, 30, 40, 60])('in packets of %d ms', (ptimeMs) => {
    const wire = new Wire();
    for (let frame = 0; frame < 12; frame++) wire.sender.audio(frameOf(frame * 256), { ...FORMAT, ptimeMs });
    expect(wire.packets.map(({ payload }) => payload.length)).toEqual(Array(240 / ptimeMs).fill(ptimeMs * 8));
    const pcm = Int16Array.from({ length: 12 * 160 }, (_, i) => Math.floor(i / 160) * 256);
    expect(wire.bytes).toEqual(Buffer.from(encodeG711('PCMA', pcm)));
    const steps = wire.packets
      .slice(1)
      .map(({ timestamp, sequence }, i) => [
        (timestamp - (wire.packets[i]?.timestamp ?? 0)) >>> 0,
        (sequence - (wire.packets[i]?.sequence ?? 0)) & 0xffff,
      ]);
    expect(steps).toEqual(Array(steps.length).fill([ptimeMs * 8, 1]));
    expect(wire.packets.map(({ marker }) => marker)).toEqual([true, ...Array<boolean>(steps.length).fill(false)]);
  });

  it.each([
    [5, 80],
    [25, 160],
    [200, 480],
    [NaN, 160],
  ])('takes a packet time of %d ms for one that it can make', (ptimeMs, bytes) => {
    const wire = new Wire();
    for (let frame = 0; frame < 3; frame++) wire.sender.audio(undefined, { ...FORMAT, ptimeMs });
    expect(wire.packets[0]?.payload).toHaveLength(bytes);
  });

  it('sends silence when there is nothing to say', () => {
    const wire = new Wire();
    wire.sender.audio(undefined, FORMAT);
    expect(wire.bytes).toEqual(Buffer.alloc(160, G711_CODECS.PCMA.silence));
  });

  it('gives all packets of an event its first timestamp, and goes on after it', () => {
    const wire = new Wire();
    const step = (tick: number): DtmfStep & { type: 'tone' } => ({
      type: 'tone',
      event: 5,
      tick,
      durationSamples: (tick + 1) * 160,
      first: tick === 0,
      end: tick === 1,
    });
    wire.sender.audio(undefined, FORMAT);
    for (const tick of [0, 1]) wire.sender.event(step(tick), 101, FORMAT);
    wire.sender.event({ type: 'end-again', event: 5, durationSamples: 320 }, 101, FORMAT);
    wire.sender.audio(undefined, FORMAT);
    const start = wire.packets[0]?.timestamp ?? 0;
    expect(wire.packets.map(({ timestamp }) => (timestamp - start) >>> 0)).toEqual([0, 160, 160, 160, 640]);
    expect(wire.packets.map(({ marker }) => marker)).toEqual([true, true, false, false, true]);
    expect(wire.packets.slice(1, 4).map(({ payload }) => payload.toString('hex'))).toEqual([
      '050a00a0',
      '058a0140',
      '058a0140',
    ]);
  });

  it('sends what waits before an event, though its packet is not full', () => {
    const wire = new Wire();
    const format = { ...FORMAT, ptimeMs: 60 };
    wire.sender.audio(undefined, format);
    wire.sender.event({ type: 'end-again', event: 1, durationSamples: 320 }, 101, format);
    expect(wire.packets.map(({ payload }) => payload.length)).toEqual([160, 4]);
  });

  it('marks what comes after a pause, in its time', () => {
    const wire = new Wire();
    wire.sender.audio(undefined, FORMAT);
    wire.sender.skip(50);
    wire.sender.audio(undefined, FORMAT);
    const [before, after] = wire.packets;
    expect([((after?.timestamp ?? 0) - (before?.timestamp ?? 0)) >>> 0, after?.marker]).toEqual([51 * 160, true]);
  });

  it('begins where nobody can guess, below the middle of the sequence numbers', () => {
    const wires = Array.from({ length: 50 }, () => new Wire());
    for (const { sender } of wires) sender.audio(undefined, FORMAT);
    const first = wires.flatMap(({ packets }) => packets);
    expect(first.every(({ sequence }) => sequence < 32_768)).toBe(true);
    expect(new Set(first.map(({ ssrc }) => ssrc)).size).toBe(50);
    expect(new Set(first.map(({ timestamp }) => timestamp)).size).toBe(50);
  });
});
