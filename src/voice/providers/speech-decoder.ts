import { decodeG711, parseWavHeader, SAMPLE_RATE, Resampler } from '../../lib/audio/index.js';
import { ProviderError } from './ports.js';

/** Bytes within which the samples of a WAV file begin. */
const MAX_HEADER_BYTES = 65_536;
const NOTHING = new Int16Array(0);
/** Streaming servers write a size from here on when they do not know it. */
const UNKNOWN_SIZE = 0x7fff_0000;

type Format = Pick<ReturnType<typeof parseWavHeader>, 'encoding' | 'channels' | 'sampleRate'>;

/**
 * Decodes the bytes of a speech server, cut anywhere, to PCM16 at 8 kHz: bare PCM16 (little-endian, mono), and WAV files of
 * any rate, which some servers always send.
 */
export class SpeechDecoder {
  private pending: Buffer = Buffer.alloc(0);
  private format: Format | undefined;
  private resampler: Resampler | undefined;
  /** Bytes of samples that are still expected. */
  private left = Infinity;

  /** @param rate of bare PCM, hertz */
  constructor(
    private readonly name: string,
    private readonly rate: number,
  ) {}

  /** @throws ProviderError for an unsupported file */
  push(bytes: Uint8Array): Int16Array {
    this.pending = Buffer.concat([this.pending, bytes]);
    this.format ??= this.recognize();
    if (!this.format) return NOTHING;
    this.resampler ??= new Resampler(this.format.sampleRate, SAMPLE_RATE);
    const frameBytes = this.format.channels * (this.format.encoding === 'pcm16' ? 2 : 1);
    const usable = Math.min(this.pending.length, this.left);
    const whole = usable - (usable % frameBytes);
    const samples = decode(this.pending.subarray(0, whole), this.format);
    this.left -= whole;
    // The samples of a WAV file may be followed by other chunks.
    this.pending = this.left < frameBytes ? Buffer.alloc(0) : this.pending.subarray(whole);
    return this.resampler.push(samples);
  }

  /** Ends the answer; half a sample at its end is dropped. @throws ProviderError when no samples came */
  end(): Int16Array {
    if (!this.format && this.pending.length >= 4) throw this.unreadable();
    return this.resampler?.end() ?? NOTHING;
  }

  private recognize(): Format | undefined {
    if (this.pending.length < 4) return undefined;
    const magic = this.pending.toString('latin1', 0, 4);
    if (/^(ID3|OggS|fLaC|<htm|<!DO|<!do|\{")/.test(magic)) throw this.unreadable();
    if (magic !== 'RIFF') return { encoding: 'pcm16', channels: 1, sampleRate: this.rate };
    try {
      const { dataAt, dataBytes, ...format } = parseWavHeader(this.pending);
      this.pending = this.pending.subarray(dataAt);
      if (dataBytes > 0 && dataBytes < UNKNOWN_SIZE) this.left = dataBytes;
      return format;
    } catch {
      // The header is incomplete so far, or unreadable.
      if (this.pending.length > MAX_HEADER_BYTES) throw this.unreadable();
      return undefined;
    }
  }

  private unreadable(): ProviderError {
    return new ProviderError('unavailable', `${this.name} sent something else than PCM or a WAV file`);
  }
}

function decode(bytes: Buffer, { encoding, channels }: Format): Int16Array {
  const samples = encoding === 'pcm16' ? pcm16(bytes) : decodeG711(encoding, bytes);
  if (channels === 1) return samples;
  const mono = new Int16Array(samples.length / 2);
  for (let i = 0; i < mono.length; i++) mono[i] = Math.round(((samples[2 * i] ?? 0) + (samples[2 * i + 1] ?? 0)) / 2);
  return mono;
}

function pcm16(bytes: Buffer): Int16Array {
  const samples = new Int16Array(bytes.length / 2);
  for (let i = 0; i < samples.length; i++) samples[i] = bytes.readInt16LE(2 * i);
  return samples;
}
