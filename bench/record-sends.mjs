// Loaded into a process whose media worker is measured: notes how evenly each socket sends its audio, and writes down at
// the end of the worker how often each interval came. Its cost is the same for every packet.
import { Socket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const AUDIO_BYTES = 172;
const WARM_UP_MS = 3_000;
/** Of 0.1 ms. */
const BUCKETS = 10_000;
const file = process.env.SEND_INTERVALS;

if (!isMainThread && file) {
  const counts = new Uint32Array(BUCKETS);
  const { send } = Socket.prototype;
  let begun;
  Socket.prototype.send = function (packet, ...rest) {
    if (packet.length === AUDIO_BYTES) {
      const now = performance.now();
      begun ??= now;
      if (this.sentAt !== undefined && now - begun > WARM_UP_MS)
        counts[Math.min(BUCKETS - 1, Math.round((now - this.sentAt) * 10))]++;
      this.sentAt = now;
    }
    return send.call(this, packet, ...rest);
  };
  process.on('exit', () => writeFileSync(file, JSON.stringify([...counts])));
}
