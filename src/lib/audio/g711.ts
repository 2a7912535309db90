/** The two laws, by their names in SDP (RFC 3551). */
export type G711 = 'PCMU' | 'PCMA';

/** One law of ITU-T G.711 as tables: decoding and encoding are a look-up. */
export interface G711Codec {
  /** From the byte on the wire to PCM16. */
  decode: Int16Array;
  /** From PCM16, as an unsigned index (`sample & 0xffff`), to the byte on the wire. */
  encode: Uint8Array;
  /** The byte that means a sample of zero. */
  silence: number;
}

function decodeMuLaw(byte: number): number {
  const inverted = ~byte & 0xff;
  const magnitude = (((inverted & 0x0f) << 3) + 0x84) << ((inverted & 0x70) >> 4);
  return inverted & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
}

function encodeMuLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(32_635, Math.abs(sample)) + 0x84;
  const segment = 24 - Math.clz32(magnitude);
  return ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0xff;
}

function decodeALaw(byte: number): number {
  const toggled = byte ^ 0x55;
  const segment = (toggled & 0x70) >> 4;
  const mantissa = (toggled & 0x0f) << 4;
  const magnitude = segment === 0 ? mantissa + 8 : (mantissa + 0x108) << (segment - 1);
  return toggled & 0x80 ? magnitude : -magnitude;
}

function encodeALaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = (sample >= 0 ? sample : -sample - 1) >> 4;
  const segment = magnitude < 16 ? 0 : 28 - Math.clz32(magnitude);
  const mantissa = segment === 0 ? magnitude : (magnitude >> (segment - 1)) & 0x0f;
  return (sign | (segment << 4) | mantissa) ^ 0x55;
}

function tables(decode: (byte: number) => number, encode: (sample: number) => number): G711Codec {
  const encoded = new Uint8Array(65_536);
  for (let sample = -32_768; sample < 32_768; sample++) encoded[sample & 0xffff] = encode(sample);
  return { decode: Int16Array.from({ length: 256 }, (_, byte) => decode(byte)), encode: encoded, silence: encode(0) };
}

export const G711_CODECS: Readonly<Record<G711, G711Codec>> = {
  PCMU: tables(decodeMuLaw, encodeMuLaw),
  PCMA: tables(decodeALaw, encodeALaw),
};

/** PCM16 of what was on the wire. */
export function decodeG711(codec: G711, bytes: Uint8Array): Int16Array {
  const { decode } = G711_CODECS[codec];
  return Int16Array.from(bytes, (byte) => decode[byte] ?? 0);
}

/** What goes on the wire for PCM16. */
export function encodeG711(codec: G711, pcm: Int16Array): Uint8Array {
  const { encode } = G711_CODECS[codec];
  const bytes = new Uint8Array(pcm.length);
  for (let i = 0; i < pcm.length; i++) bytes[i] = encode[(pcm[i] ?? 0) & 0xffff] ?? 0;
  return bytes;
}
