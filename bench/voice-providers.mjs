// Providers for `bench/voice.mjs` that answer at once: OpenAI's streaming chat, transcription and speech over HTTP.
// The transcript depends on the length of the speech only: long speech gets a long story, short speech "All right."
import { createServer } from 'node:http';

/** Bytes of PCM16 at 8 kHz: a longer utterance, with the silence around it, asks for the story. */
const LONG_BYTES = 16_000 * Number(process.env.LONG_SECONDS);
const TEXTS = { short: 'Go on.', long: 'Tell me a story.' };
const ANSWERS = { short: 'All right.', long: 'Once upon a time there was a very patient telephone.' };
const SECONDS = { short: 0.3, long: 3 };
const RATE = 24_000;
const PIECE_BYTES = 4_800;

const speech = Object.fromEntries(Object.entries(SECONDS).map(([kind, seconds]) => [kind, tone(seconds)]));
const kindOf = (text) => (text.includes(ANSWERS.long) || text.includes(TEXTS.long) ? 'long' : 'short');

const STAGES = {
  '/v1/audio/transcriptions': (body, response) => {
    const text = TEXTS[body.length > LONG_BYTES ? 'long' : 'short'];
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ text }));
  },
  '/v1/chat/completions': (body, response) => {
    const { messages } = JSON.parse(body.toString());
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const words = ANSWERS[kindOf(messages.at(-1).content)].match(/\S+\s*/g);
    for (const content of words) response.write(event({ choices: [{ index: 0, delta: { content } }] }));
    response.write(event({ choices: [], usage: { prompt_tokens: 100, completion_tokens: words.length } }));
    response.end('data: [DONE]\n\n');
  },
  '/v1/audio/speech': (body, response) => {
    const pcm = speech[kindOf(JSON.parse(body.toString()).input)];
    response.writeHead(200, { 'content-type': 'audio/pcm' });
    for (let at = 0; at < pcm.length; at += PIECE_BYTES) response.write(pcm.subarray(at, at + PIECE_BYTES));
    response.end();
  },
};

const server = createServer(async (request, response) => {
  response.on('error', () => undefined);
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const answer = STAGES[request.url];
  if (answer) answer(Buffer.concat(chunks), response);
  else response.writeHead(404).end();
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}/v1` }));
process.on('disconnect', () => process.exit());

function event(data) {
  return `data: ${JSON.stringify({ object: 'chat.completion.chunk', model: 'bench', ...data })}\n\n`;
}

/** Loud from its first sample to its last. */
function tone(seconds) {
  const pcm = Buffer.alloc(RATE * seconds * 2);
  for (let i = 0; i < pcm.length / 2; i++) pcm.writeInt16LE(Math.round(8_000 * Math.cos(i / 8)), i * 2);
  return pcm;
}
