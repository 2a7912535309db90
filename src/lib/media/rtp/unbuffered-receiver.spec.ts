import { encodeG711 } from '../../audio/index.js';
import { UnbufferedReceiver } from './unbuffered-receiver.js';

const FRAME = 160;
/** 20 ms of one value; G.711 keeps powers of two and a half. */
const sound = (value: number, samples = FRAME): Int16Array => new Int16Array(samples).fill(value);
const [FIRST, SECOND] = [1_056, 2_112];

describe('an ear', () => {
  let heard: number[][];
  let ear: UnbufferedReceiver;
  const packet = (timestamp: number, pcm: Int16Array, ssrc = 1): void => {
    ear.packet({ ssrc, timestamp: timestamp >>> 0, payload: Buffer.from(encodeG711('PCMA', pcm)) }, 'PCMA');
  };
  /** Each frame by its first and last sample, roughly. */
  const frames = (): string[] => heard.map(([first, last]) => `${Math.round(first! / 1e3)} ${Math.round(last! / 1e3)}`);

  beforeEach(() => {
    heard = [];
    ear = new UnbufferedReceiver((frame) => heard.push([frame[0]!, frame.at(-1)!]));
  });

  it('hears each packet when it comes, across the end of timestamps', () => {
    packet(-FRAME, sound(FIRST));
    packet(0, sound(SECOND));
    expect(frames()).toEqual(['1 1', '2 2']);
  });

  it('makes frames of packets of other lengths', () => {
    packet(0, sound(FIRST, 240));
    expect(frames()).toEqual(['1 1']);
    packet(240, sound(SECOND, 240));
    expect(frames()).toEqual(['1 1', '1 2', '2 2']);
  });

  it('hears silence for what was lost, and not what comes too late or twice', () => {
    packet(0, sound(FIRST));
    packet(2 * FRAME, sound(SECOND));
    packet(FRAME, sound(FIRST));
    packet(2 * FRAME, sound(SECOND));
    expect(frames()).toEqual(['1 1', '0 0', '2 2']);
  });

  it('goes on in silence when nothing comes, and then with what comes, once', () => {
    packet(0, sound(FIRST));
    for (let tick = 0; tick < 10; tick++) ear.tick();
    expect(frames()).toEqual(['1 1']);
    for (let tick = 0; tick < 3; tick++) ear.tick();
    const silence = Array.from({ length: 13 }, () => '0 0');
    expect(frames()).toEqual(['1 1', ...silence]);
    packet(14 * FRAME, sound(SECOND));
    expect(frames()).toEqual(['1 1', ...silence, '2 2']);
  });

  it('waits for what is only late, and for long packets', () => {
    packet(0, sound(FIRST));
    for (let tick = 0; tick < 9; tick++) ear.tick();
    packet(FRAME, sound(SECOND, 6 * FRAME));
    expect(frames()).toEqual(['1 1', ...Array.from({ length: 6 }, () => '2 2')]);
  });

  it('follows a source that steps back a little and stays there', () => {
    packet(10 * FRAME, sound(FIRST));
    for (const n of [0, 1, 2, 3]) packet(n * FRAME, sound(SECOND));
    expect(frames()).toEqual(['1 1', '2 2', '2 2']);
  });

  it('begins anew with another source or a jump', () => {
    packet(0, sound(FIRST));
    packet(77_777_777, sound(SECOND));
    packet(5, sound(FIRST), 2);
    expect(frames()).toEqual(['1 1', '2 2', '1 1']);
  });
});
