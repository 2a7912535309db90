import { type WebSocket } from 'ws';
import { type Fault } from './faults.js';

/** Of one utterance. */
const MAX_BYTES = 10_000_000;

/**
 * The listening side of Deepgram's streaming protocol for one socket.
 * https://developers.deepgram.com/reference/speech-to-text/listen-streaming
 */
export function answerListening(socket: WebSocket, hear: (pcm: Int16Array) => string, fault?: Fault): void {
  const audio: Buffer[] = [];
  let size = 0;
  let isToldOnce = false;
  const send = (message: object): void => {
    socket.send(JSON.stringify(message));
  };
  const tell = (fromFinalize: boolean): void => {
    const words = hear(samplesOf(Buffer.concat(audio))).split(' ');
    const half = words.length >> 1;
    // In two parts, as long utterances come.
    if (half > 0) send(results(words.slice(0, half).join(' '), { isFinal: true, fromFinalize: false }));
    if (breaks(fault, socket)) return;
    send(results(words.slice(half).join(' '), { isFinal: true, fromFinalize }));
    audio.length = 0;
    isToldOnce = true;
  };
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (fault?.kind === 'garbage') socket.send('<html>');
    else if (isBinary) {
      if (size === 0) send(results('what is not final', { isFinal: false, fromFinalize: false }));
      audio.push(data);
      size += data.length;
      if (size > MAX_BYTES) socket.close(1009);
    } else if (data.toString().includes('Finalize')) tell(true);
    else if (data.toString().includes('CloseStream')) {
      if (!isToldOnce) tell(false);
      if (fault !== undefined && fault.kind !== 'delay') return;
      send({ type: 'Metadata', request_id: 'lab', duration: size / 16_000, channels: 1 });
      socket.close(1000);
    }
  });
}

/** @returns whether the answer ends here */
function breaks(fault: Fault | undefined, socket: WebSocket): boolean {
  if (fault?.kind === 'stall_midway') return true;
  if (fault?.kind === 'half') socket.close(1011);
  else if (fault?.kind === 'closed_midway') socket.terminate();
  else return false;
  return true;
}

const results = (transcript: string, { isFinal, fromFinalize }: { isFinal: boolean; fromFinalize: boolean }) => ({
  type: 'Results',
  channel_index: [0, 1],
  is_final: isFinal,
  speech_final: false,
  from_finalize: fromFinalize,
  channel: { alternatives: [{ transcript, confidence: 0.99, words: [] }] },
});

export const samplesOf = (bytes: Buffer): Int16Array =>
  Int16Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readInt16LE(i * 2));
