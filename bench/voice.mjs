// Conversations in one process: the time from the end of a caller's speech to the first packet of the answer, the time
// from the decision to interrupt the agent to its last packet, and the cost of a conversation. The product's part is
// real: conversation, providers over HTTP, media worker, RTP. Callers and providers, which answer at once, run in
// processes of their own and do not count. SIP is left out.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { benchmark, nextMessage, quantile, startHelper, stop, table, temporaryFolder, verdicts } from './harness.mjs';

/** Several single calls, as the phase of a call's packets against our clock is random and constant within a call. */
const SINGLE = { calls: 1, rounds: 8, warmUpMs: 2_000, measureMs: 8_000 };
const MANY = { calls: 50, rounds: 1, warmUpMs: 5_000, measureMs: 30_000 };
/** Time in which the calls begin, one after the other. */
const BEGIN_MS = 3_000;
const FAR_ADDRESS = '127.0.0.2';
const FRAME_MS = 20;
const FRAME_BYTES = 160;
const HEADER_BYTES = 12;
const SILENCE_MS = 500;
/** Length of the caller's speech: for a short answer, for a story, and to interrupt it. Every fourth request is for a story. */
const SAY_MS = { short: 400, long: 1_200, interrupt: 700 };
const STORY_EVERY = 4;
/** Time of the story before the interruption. */
const LISTEN_MS = 400;
/** Pause between the agent's speech and the caller's; up to twice as long. */
const PAUSE_MS = 150;
/** Silence after which the agent has stopped. */
const QUIET_MS = 100;
const LONG_SECONDS = (SAY_MS.interrupt + SAY_MS.long) / 2_000 + (SILENCE_MS + 300) / 1_000;
/** Lateness of an idle timer that a quiet machine does not reach. */
const BUSY_MS = 5;
/** PCMA samples that are close to zero. */
const SILENT = new Set([0xd5, 0x55]);

const ratioOf = (ratio) => `${ratio.toFixed(2)} ×`;
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const ms = (values, q) => `${quantile(values, q).toFixed(1)} ms`;
/** Milliseconds, the same in all processes of the machine. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

const [, , role] = process.argv;
if (role === 'callers') await callers();
else if (role === 'conversations') await conversations();
else await benchmark('Voice', main);

async function main() {
  console.log(`The ${SILENCE_MS} ms of silence for endpointing are subtracted; the providers answer at once.`);
  const results = [await measure(SINGLE), await measure(MANY)];
  printLatencies(results);
  printCost(results.at(-1));
  if (results.some(({ bare }) => quantile(bare, 0.99) > BUSY_MS))
    console.log('\nThe machine is busy: idle timers are late, too.');
  verdicts(
    results.flatMap(({ calls, answers, stops }) => [
      [`${calls} calls: answer p50 at most 20 ms`, 20 / Math.max(1, quantile(answers, 0.5)), 1, ratioOf],
      [`${calls} calls: answer p95 at most 40 ms`, 40 / Math.max(1, quantile(answers, 0.95)), 1, ratioOf],
      [
        `${calls} calls: silent p95 at most 60 ms after the decision`,
        60 / Math.max(1, quantile(stops, 0.95)),
        1,
        ratioOf,
      ],
    ]),
  );
  console.log(JSON.stringify(results.map(summaryOf)));
}

function printLatencies(results) {
  table(
    [
      'calls',
      'answers',
      'p50',
      'p95',
      'max',
      'interruptions',
      'silent p50',
      'p95',
      'max',
      'late or lost',
      'bare timer late p99',
    ],
    results.map(({ calls, answers, stops, losses, bare }) => [
      calls,
      answers.length,
      ...[0.5, 0.95, 1].map((q) => ms(answers, q)),
      stops.length,
      ...[0.5, 0.95, 1].map((q) => ms(stops, q)),
      `${mean(losses).toFixed(2)} %`,
      ms(bare, 0.99),
    ]),
  );
  const stages = Object.keys(results[0].stages);
  table(
    ['measured by the conversation, p50 / p95', ...results.map(({ calls }) => `${calls} calls`)],
    stages.map((stage) => [
      stage,
      ...results.map(({ stages: { [stage]: values } }) => `${ms(values, 0.5)} / ${ms(values, 0.95)}`),
    ]),
  );
}

function printCost({ calls, cost: { idle, busy } }) {
  const each = Object.fromEntries(Object.keys(busy).map((what) => [what, (busy[what] - idle[what]) / calls]));
  table(
    ['', 'CPU', 'memory (RSS)', 'JS heap'],
    [
      ['idle', idle],
      [`${calls} calls`, busy],
      ['each call', each],
    ].map(([name, { cpuPercent, rssMb, heapMb }]) => [
      name,
      `${cpuPercent.toFixed(2)} %`,
      `${rssMb.toFixed(2)} MB`,
      `${heapMb.toFixed(2)} MB`,
    ]),
  );
}

function summaryOf({ calls, answers, stops, stages, losses, bare, cost }) {
  const figures = (values) => ({ count: values.length, p50: quantile(values, 0.5), p95: quantile(values, 0.95) });
  const each = Object.entries(stages).map(([stage, values]) => [stage, figures(values)]);
  return {
    calls,
    answerMs: figures(answers),
    silentMs: figures(stops),
    stages: Object.fromEntries(each),
    lossPercent: mean(losses),
    bareLateP99: quantile(bare, 0.99),
    ...cost,
  };
}

async function measure({ calls, rounds, ...times }) {
  console.log(`${calls} ${calls === 1 ? 'call' : 'calls'} for ${(rounds * times.measureMs) / 1_000} s …`);
  const providers = startHelper('voice-providers.mjs', [], { LONG_SECONDS: String(LONG_SECONDS) });
  const { url } = await nextMessage(providers);
  const near = startHelper('voice.mjs', ['conversations', url, temporaryFolder()], { NODE_OPTIONS: '--expose-gc' });
  await nextMessage(near);
  const result = { calls, answers: [], stops: [], stages: {}, losses: [], bare: [] };
  for (let round = 0; round < rounds; round++) {
    const { turns, report, bare } = await converse(near, calls, times);
    result.cost = report.cost;
    result.losses.push(...report.losses);
    result.bare.push(...bare);
    for (const { call, endMs, answeredMs } of turns.answers) result.answers.push(answeredMs - endMs - SILENCE_MS);
    for (const { call, beganMs, endMs, silentMs } of turns.stops) {
      const decidedMs = report.decisions[call].find((at) => at > beganMs && at < endMs);
      if (decidedMs !== undefined) result.stops.push(silentMs - decidedMs);
    }
    for (const latency of report.latencies)
      for (const [stage, value] of Object.entries(latency)) (result.stages[stage] ??= []).push(value);
  }
  await Promise.all([near, providers].map(stop));
  return result;
}

/** Runs concurrent calls from begin to end. */
async function converse(near, calls, { warmUpMs, measureMs }) {
  const far = startHelper('voice.mjs', ['callers', `${calls}`]);
  const { ports } = await nextMessage(far);
  near.send({ ports });
  const { locals } = await nextMessage(near);
  far.send({ locals });
  await nextMessage(far);
  near.send({ answered: true });
  await delay(warmUpMs);
  const measured = nextMessage(near);
  far.send({ measure: true });
  near.send({ measure: true });
  const bare = await bareTimer(measureMs);
  const turnsReported = nextMessage(far);
  far.send({ end: true });
  const turns = await turnsReported;
  near.send({ end: true });
  const report = await measured;
  await stop(far);
  return { turns, report, bare };
}

/** Lateness of an idle timer of 20 ms on this machine. */
async function bareTimer(forMs) {
  const late = [];
  for (let last = now(), end = last + forMs; last < end;) {
    await delay(FRAME_MS);
    late.push(now() - last - FRAME_MS);
    last = now();
  }
  return late;
}

// The callers

/** Each caller sends a packet every 20 ms and takes part in a conversation. */
async function callers() {
  const parties = await Promise.all(Array.from({ length: Number(process.argv[3]) }, (_, call) => newCaller(call)));
  process.send({ ports: parties.map(({ socket }) => socket.address().port) });
  const { locals } = await message();
  await Promise.all(
    parties.map(({ socket }, i) => new Promise((done) => socket.connect(locals[i].port, locals[i].address, done))),
  );
  sendAll(parties);
  process.send({ ready: true });
  await message();
  const turns = { answers: [], stops: [] };
  for (const party of parties) party.turns = turns;
  await message();
  process.send(turns);
}

async function newCaller(call) {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  socket.bind(0, FAR_ADDRESS);
  await once(socket, 'listening');
  // Each caller has its own phase within the 20 ms.
  const party = { call, socket, offsetMs: Math.random() * FRAME_MS, status: 'listening', said: 0, turns: undefined };
  socket.on('message', (packet) => {
    if (packet[1] >= 192 && packet[1] <= 223) return;
    if (!isSilent(packet)) agentSpoke(party, now());
  });
  return party;
}

function isSilent(packet) {
  for (let at = HEADER_BYTES; at < packet.length; at++) if (!SILENT.has(packet[at])) return false;
  return true;
}

/** A packet of the agent's speech has come. */
function agentSpoke(party, atMs) {
  party.audibleMs = atMs;
  if (party.status !== 'waiting') return;
  party.turns?.answers.push({ call: party.call, endMs: party.endMs, answeredMs: atMs });
  party.status = 'listening';
  party.interruptsAtMs = party.kind === 'long' ? atMs + LISTEN_MS : Infinity;
}

/** Decides on the next 20 ms of the caller: true while it speaks. */
function speaks(party, atMs) {
  if (party.status === 'listening') {
    if (atMs >= party.interruptsAtMs) begin(party, 'interrupt', atMs);
    else if (party.audibleMs !== undefined && atMs > party.audibleMs + QUIET_MS) {
      party.status = 'pausing';
      party.speaksAtMs = atMs + PAUSE_MS * (1 + Math.random());
    }
  } else if (party.status === 'pausing' && atMs >= party.speaksAtMs)
    begin(party, ++party.said % STORY_EVERY === 0 ? 'long' : 'short', atMs);
  return party.status === 'speaking';
}

function begin(party, kind, atMs) {
  Object.assign(party, { status: 'speaking', kind, beganMs: atMs, framesLeft: SAY_MS[kind] / FRAME_MS });
}

/** A packet of speech has been sent. */
function spoke(party) {
  if (--party.framesLeft > 0) return;
  const { call, kind, beganMs, audibleMs: silentMs } = party;
  party.endMs = now();
  if (kind === 'interrupt') party.turns?.stops.push({ call, beganMs, endMs: party.endMs, silentMs });
  party.status = 'waiting';
}

function sendAll(parties) {
  const packets = parties.map(({ call }) => {
    const packet = Buffer.alloc(HEADER_BYTES + FRAME_BYTES);
    packet.writeUInt16BE(0x8008);
    packet.writeUInt32BE(call + 1, 8);
    return packet;
  });
  const started = now();
  const sequences = parties.map(() => 0);
  const tick = () => {
    const at = now();
    for (const [i, party] of parties.entries()) {
      for (; started + party.offsetMs + sequences[i] * FRAME_MS <= at; sequences[i]++) {
        const isSpeech = speaks(party, now());
        packets[i].writeUInt16BE(sequences[i] & 0xffff, 2);
        packets[i].writeUInt32BE((sequences[i] * FRAME_BYTES) >>> 0, 4);
        for (let k = 0; k < FRAME_BYTES; k++) packets[i][HEADER_BYTES + k] = isSpeech ? 0x15 + ((k * 7) % 32) : 0xd5;
        party.socket.send(Buffer.from(packets[i]));
        if (isSpeech) spoke(party);
      }
    }
    setTimeout(tick, 1);
  };
  tick();
}

// The conversations, which are measured

async function conversations() {
  const [, , , url, folder] = process.argv;
  const { MediaEngine } = await import('../dist/lib/media/index.js');
  const voice = await import('../dist/voice/index.js');
  const engine = await MediaEngine.start({ address: '127.0.0.1' });
  const idle = await costUntil(delay(2_000));
  process.send({ ready: true });
  for (;;) {
    const { ports } = await message();
    const sessions = await Promise.all(
      ports.map((port, i) => open(engine, { port, recordTo: join(folder, `${i}-${Date.now()}.wav`) })),
    );
    process.send({ locals: sessions.map(({ local }) => local) });
    await message();
    const noted = { latencies: [], decisions: sessions.map(() => []), measures: false };
    const measure = message();
    const talks = [];
    for (const [call, session] of sessions.entries()) {
      if (call > 0) await delay(BEGIN_MS / sessions.length);
      talks.push(converseOn(voice, { session, url, call, noted }));
    }
    await measure;
    noted.measures = true;
    const ended = message();
    const busy = await costUntil(ended);
    noted.measures = false;
    for (const talk of talks) talk.stop();
    const reports = await Promise.all(sessions.map((session) => session.close()));
    const losses = reports.map(({ quality }) => quality.lossPercent);
    process.send({ latencies: noted.latencies, decisions: noted.decisions, losses, cost: { idle, busy } });
  }
}

async function open(engine, { port, recordTo }) {
  const session = await engine.open({ recordTo, detectAnswer: true });
  session.connect({
    address: FAR_ADDRESS,
    port,
    rtcpPort: port,
    codec: 'PCMA',
    payloadTypes: { PCMA: 8 },
    dtmfPayloadType: 101,
    ptimeMs: FRAME_MS,
    sends: true,
    receives: true,
    srtp: undefined,
  });
  return session;
}

/** A conversation as `start-session.ts` begins it. */
function converseOn(voice, { session, url, call, noted }) {
  session.answered(new Date());
  const provider = { kind: 'openai', baseUrl: url, model: 'bench' };
  const { audio } = session;
  const line = {
    listen: (listener) => audio.listen(listener),
    write: (pcm) => audio.write(pcm),
    mark: () => audio.mark(),
    // The conversation clears the line at once when it is interrupted.
    clear: () => (noted.decisions[call].push(now()), audio.clear()),
  };
  const providers = {
    speechToText: { primary: voice.createSpeechToText(provider) },
    model: { primary: voice.createLanguageModel(provider) },
    textToSpeech: { primary: voice.createTextToSpeech(provider) },
  };
  return new voice.VoicemailAwareSession(
    line,
    new voice.Conversation(line, {
      settings: { instructions: 'You are brief.', firstMessage: { text: 'Hello.' } },
      pipeline: (context) => new voice.CascadePipeline(context, providers),
      tools: [voice.endCall()],
      emit: (event) => {
        if (event.type === 'fault' || event.type === 'ended') console.error(JSON.stringify(event));
        if (noted.measures && event.type === 'turn' && event.turn.latency) noted.latencies.push(event.turn.latency);
      },
    }),
    { onMachine: 'carry_on', message: undefined },
  );
}

/** CPU of all threads in percent of a core; memory after a garbage collection. */
async function costUntil(end) {
  const before = process.cpuUsage();
  const begun = performance.now();
  await end;
  const { user, system } = process.cpuUsage(before);
  const cpuPercent = (user + system) / 10 / (performance.now() - begun);
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { cpuPercent, rssMb: rss / 2 ** 20, heapMb: heapUsed / 2 ** 20 };
}

async function message() {
  const [received] = await once(process, 'message');
  return received;
}
