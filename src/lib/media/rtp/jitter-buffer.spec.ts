import { G711_CODECS } from '../../audio/index.js';
import { JitterBuffer, type HeardFrame } from './jitter-buffer.js';

/** Each 10 ms of the sender has a level of its own, by which it is recognised. */
const byteOf = (unit: number): number => 0x80 + (unit % 60);
const level = (unit: number): number => G711_CODECS.PCMU.decode[byteOf(unit)] ?? 0;
const heardUnit = (sample: number): number => (G711_CODECS.PCMU.encode[sample & 0xffff] ?? 0) - 0x80;

class Sender {
  ssrc = 1;
  constructor(
    readonly buffer: JitterBuffer,
    readonly origin = 0,
    readonly unitsPerPacket = 2,
  ) {}

  /** Sends the packet that begins at `unit`. */
  send(unit: number): void {
    const payload = Buffer.alloc(this.unitsPerPacket * 80);
    for (let i = 0; i < payload.length; i++) payload[i] = byteOf(unit + Math.floor(i / 80));
    this.buffer.push({ ssrc: this.ssrc, timestamp: (this.origin + unit * 80) >>> 0, payload }, 'PCMU');
  }
}

const out = new Int16Array(160);
/** The two units of a frame as heard, or what it was instead. */
function pop(buffer: JitterBuffer): number[] | HeardFrame {
  const heard = buffer.pop(out);
  return heard === 'audio' ? [heardUnit(out[0] ?? 0), heardUnit(out[80] ?? 0)] : heard;
}

function start(origin = 0, unitsPerPacket = 2): Sender {
  const sender = new Sender(new JitterBuffer(), origin, unitsPerPacket);
  for (let unit = 0; unit < 4; unit += unitsPerPacket) sender.send(unit);
  return sender;
}

describe('the jitter buffer', () => {
  it('waits until it is deep enough and then hands out in order', () => {
    const sender = new Sender(new JitterBuffer());
    sender.send(0);
    expect(pop(sender.buffer)).toBe('nothing');
    sender.send(2);
    expect(pop(sender.buffer)).toEqual([0, 1]);
    expect(pop(sender.buffer)).toEqual([2, 3]);
  });

  it.each([1, 2, 3, 4, 6])('takes packets of %d × 10 ms', (units) => {
    const sender = start(0, units);
    const heard: unknown[] = [];
    let sent = Math.ceil(4 / units) * units;
    for (let frame = 0; frame < 20; frame++) {
      while (sent < 4 + 2 * frame + units) {
        sender.send(sent);
        sent += units;
      }
      heard.push(pop(sender.buffer));
    }
    expect(heard).toEqual(Array.from({ length: 20 }, (_, frame) => [2 * frame, 2 * frame + 1]));
  });

  it('puts back in order what was overtaken', () => {
    const sender = start();
    sender.send(6);
    sender.send(4);
    expect([1, 2, 3, 4].map(() => pop(sender.buffer))).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
      [6, 7],
    ]);
  });

  it('also before it has begun', () => {
    const sender = new Sender(new JitterBuffer(), 8_000);
    sender.send(2);
    sender.send(0);
    expect(pop(sender.buffer)).toEqual([0, 1]);
  });

  it('goes on where the timestamp wraps', () => {
    const sender = start(2 ** 32 - 160);
    sender.send(4);
    expect([1, 2, 3].map(() => pop(sender.buffer))).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
  });

  it('counts duplicates, of what waits and of what was heard', () => {
    const sender = start();
    sender.send(2);
    pop(sender.buffer);
    sender.send(0);
    expect([sender.buffer.duplicates, sender.buffer.late]).toEqual([2, 0]);
  });

  it('conceals a lost packet by what was before, softer, and then is silent', () => {
    const sender = start();
    pop(sender.buffer);
    pop(sender.buffer);
    sender.send(20);
    expect(pop(sender.buffer)).toBe('concealed');
    expect(Math.abs(out[0] ?? 0)).toBeLessThan(level(3));
    expect(Math.abs(out[0] ?? 0)).toBeGreaterThan(level(3) / 3);
    for (let frame = 0; frame < 4; frame++) pop(sender.buffer);
    expect(out[159]).toBe(0);
    expect(sender.buffer.concealedFrames).toBe(5);
  });

  it('gives a lost packet its time and no more', () => {
    const sender = start();
    const heard = [4, 6, 10, 12].map((unit) => {
      sender.send(unit);
      return pop(sender.buffer);
    });
    expect([...heard, pop(sender.buffer), pop(sender.buffer)]).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
      [6, 7],
      'concealed',
      [10, 11],
    ]);
  });

  it('does not conceal twice what was lost while nothing waited', () => {
    const sender = start();
    for (let frame = 0; frame < 5; frame++) pop(sender.buffer);
    // Three frames were concealed: two of them for what is lost, one is delay.
    sender.send(8);
    expect(pop(sender.buffer)).toEqual([8, 9]);
  });

  it('waits longer after something came too late', () => {
    const sender = start();
    sender.send(6);
    const before = sender.buffer.delayMs;
    for (let frame = 0; frame < 3; frame++) pop(sender.buffer);
    sender.send(4);
    expect(sender.buffer.late).toBe(1);
    expect(sender.buffer.delayMs).toBe(before + 20);
  });

  it('never holds back more than its bound, however much comes at once', () => {
    const sender = new Sender(new JitterBuffer());
    for (let unit = 0; unit < 10_000; unit += 2) sender.send(unit);
    const unheard = sender.buffer.late;
    let frames = 0;
    while (pop(sender.buffer) !== 'concealed') frames++;
    expect(frames).toBeGreaterThan(0);
    expect(frames).toBeLessThanOrEqual(20);
    expect(unheard + frames).toBe(5_000);
  });

  it.each([
    ['forward', 1_000_000],
    ['back', -1_000_000],
  ])('follows a clock that jumps %s, but no single stray', (_, jump) => {
    const sender = start(80_000_000);
    const jumped = new Sender(sender.buffer, 80_000_000 + jump);
    jumped.send(4);
    sender.send(4);
    expect([pop(sender.buffer), pop(sender.buffer), pop(sender.buffer)]).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    for (const unit of [10, 12, 14, 16]) jumped.send(unit);
    expect(pop(sender.buffer)).toEqual([14, 15]);
  });

  it('begins anew with another source', () => {
    const sender = start();
    sender.ssrc = 2;
    sender.send(50);
    sender.send(52);
    expect(pop(sender.buffer)).toEqual([50, 51]);
  });

  it('begins anew after a long silence', () => {
    const sender = start();
    for (let frame = 0; frame < 15; frame++) pop(sender.buffer);
    expect(pop(sender.buffer)).toBe('nothing');
    sender.send(1_000_001);
    sender.send(1_000_003);
    expect(pop(sender.buffer)).toEqual([heardUnit(level(1_000_001)), heardUnit(level(1_000_002))]);
  });

  it.each([
    ['faster', 1.01],
    ['slower', 0.99],
  ])('bears a sender whose clock is 1 %% %s', (_, speed) => {
    const sender = start();
    let sent = 4;
    let concealed = 0;
    let deepest = 0;
    for (let frame = 0; frame < 10_000; frame++) {
      while (sent < 4 + 2 * frame * speed) {
        sender.send(sent);
        sent += 2;
      }
      if (sender.buffer.pop(out) !== 'audio') concealed++;
      deepest = Math.max(deepest, sender.buffer.delayMs);
    }
    // 200 s at 1 % are 2 s: no more than that is left out or filled in.
    expect(concealed).toBeLessThanOrEqual(speed > 1 ? 1 : 250);
    expect(sender.buffer.late).toBe(0);
    expect(deepest).toBeLessThanOrEqual(240);
  });

  it.each([0, 10, 39, 321 * 80])('bears a payload of %d bytes', (length) => {
    const buffer = new JitterBuffer();
    for (let n = 0; n < 10; n++) buffer.push({ ssrc: 1, timestamp: n * 160, payload: Buffer.alloc(length) }, 'PCMA');
    expect(pop(buffer)).toBe('nothing');
  });
});
