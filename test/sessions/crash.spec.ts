import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseWav } from '../../src/lib/audio/wav.js';
import { type Json, type Tenant, TestApp } from '../support/app.js';
import { cloneDatabase } from '../support/database.js';
import { eventually, Program, temporaryFolder } from '../support/process.js';
import { startNumbers } from '../lib/sip/numbers-phone.js';
import { describeWithPeers, stopPeers } from '../peers/peers.js';

const STAYS_ON_LINE = '+15550000001';
const RINGS_FOREVER = '+15550000003';

/** The API and the worker that takes over run in another process than the killed worker. */
describeWithPeers(['sipp'], 'a worker killed in mid-call', () => {
  const data = temporaryFolder();
  const ringLog = join(data.path, 'rings.log');
  let api: TestApp;
  let tenant: Tenant;
  let settings: Record<string, string>;
  const workers: Program[] = [];

  beforeAll(async () => {
    const url = await cloneDatabase('live_crash');
    const { target } = await startNumbers('udp', ringLog);
    api = await TestApp.start(url, { dataDir: data.path });
    tenant = await api.tenant('live');
    settings = {
      DATABASE_URL: url,
      DATA_DIR: data.path,
      ROLES: 'worker',
      PORT: '0',
      LEASE_SECONDS: '1',
      MEDIA_TIMEOUT_SECONDS: '60',
      SIP_CARRIER: `sip:${target.host}:${target.port ?? 0};transport=udp`,
    };
    await api.request('PATCH', `/v1/agents/${tenant.agentId}`, { key: tenant.key, body: { listenSeconds: 600 } });
    await uploadGreeting(api, tenant);
  });

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.kill('SIGKILL')));
    await stopPeers();
    await api.close();
    data.remove();
  });

  const worker = (): Program => {
    const program = Program.run('main.js', [], settings);
    workers.push(program);
    return program;
  };
  const get = async (id: string): Promise<Json> =>
    (await api.request('GET', `/v1/calls/${id}`, { key: tenant.key })).body.data;
  const types = async (id: string): Promise<string[]> =>
    (await api.request('GET', `/v1/calls/${id}/events`, { key: tenant.key })).body.data.map(({ type }: Json) => type);
  const reached = (id: string, type: string) =>
    eventually(type, async () => ((await types(id)).includes(type) ? true : undefined));
  const countOf = (what: string, callId: string): number =>
    readFileSync(ringLog, 'utf8')
      .split('\n')
      .filter((line) => line.includes(`${what} ${callId}`)).length;
  const claimOf = async (id: string): Promise<string> => {
    const events: Json[] = (await api.request('GET', `/v1/calls/${id}/events`, { key: tenant.key })).body.data;
    const claims = events.filter(({ type }) => type === 'call.dialing');
    expect(claims).toHaveLength(1);
    return claims[0].data.claim;
  };

  it('connected: an end, a BYE, a recording up to the cut, and no second dial', async () => {
    const doomed = worker();
    const id = await api.createCall(tenant, { toNumber: STAYS_ON_LINE });
    await reached(id, 'call.started');
    // The file has three seconds of both directions.
    const incoming = join(data.path, 'recordings', 'incoming');
    await eventually('three seconds of recording', () => {
      const [file] = readdirSync(incoming).filter((name) => name.startsWith(id));
      return Promise.resolve(file && statSync(join(incoming, file)).size > 44 + 3 * 32_000 ? true : undefined);
    });
    await doomed.kill('SIGKILL');
    worker();
    const call = await eventually(
      'an end and a recording',
      async () => {
        const now = await get(id);
        return now.endedAt !== null && now.recording !== null ? now : undefined;
      },
      30_000,
    );
    expect(call).toMatchObject({
      status: 'completed',
      disconnectionReason: 'error_media_lost',
      outcome: { responsible: 'system', retryable: true },
    });
    const claim = await claimOf(id);
    await eventually('BYE at the far end', () => Promise.resolve(countOf('bye', claim) === 1 ? true : undefined));
    expect(countOf('ring', claim)).toBe(1);
    const response = await fetch(call.recording);
    expect(response.status).toBe(200);
    const { sampleRate, channels } = parseWav(Buffer.from(await response.arrayBuffer()));
    expect(sampleRate).toBe(8_000);
    expect(channels).toHaveLength(2);
    expect(channels[0].length).toBeGreaterThanOrEqual(3 * 8_000);
    expect(readdirSync(incoming)).toEqual([]);
  });

  it('ringing: ends with an unknown outcome, and is not dialled again', async () => {
    const doomed = worker();
    const id = await api.createCall(tenant, { toNumber: RINGS_FOREVER });
    await reached(id, 'call.ringing');
    await Promise.all(workers.map((program) => program.kill('SIGKILL')));
    await doomed.exited;
    worker();
    const call = await eventually('an end', async () => ((await get(id)).endedAt ? get(id) : undefined), 30_000);
    expect(call).toMatchObject({ status: 'failed', disconnectionReason: 'error_unknown_outcome' });
    expect(countOf('ring', await claimOf(id))).toBe(1);
  });
});

/** Three seconds of a tone. */
async function uploadGreeting(api: TestApp, { agentId, key }: Tenant): Promise<void> {
  const samples = 24_000;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8_000, 24);
  wav.writeUInt32LE(16_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++) wav.writeInt16LE(Math.round(8_000 * Math.sin(i / 4)), 44 + i * 2);
  const response = await fetch(`${api.url}/v1/agents/${agentId}/greeting-audio`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'audio/wav' },
    body: wav,
  });
  expect(response.status).toBe(200);
}
