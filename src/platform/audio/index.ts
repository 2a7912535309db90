export { decodeG711, encodeG711, type G711, G711_CODECS, type G711Codec } from './g711.js';
export { resample } from './resample.js';
export { SAMPLE_RATE } from './sample-rate.js';
export { parseWav, readWav, repairWav, type WavAudio, writeWav } from './wav.js';
export { parseWavHeader, WAV_HEADER_BYTES, type WavFormat, wavHeader } from './wav-header.js';
