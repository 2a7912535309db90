import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { parseWav } from '../../src/lib/audio/wav.js';
import { type SipTarget } from '../../src/lib/sip/sip-types.js';
import { joined, silence } from '../support/audio.js';
import { eventually, temporaryFolder } from '../support/process.js';
import { pcmBytes, wavFile } from '../support/wav.js';

const LAB = join('test', 'peers');
/** Where the far ends are: addresses of their own, so that nothing works by being on the same one. */
export const PHONES = '127.0.0.2';
const CARRIER = '127.0.0.3';

type PeerProgram = 'sipp' | 'baresip' | 'kamailio' | 'openssl' | 'curl';
/** A package of its own. */
type PeerModule = 'kamailio-tls-modules';

const KAMAILIO_TLS = '/usr/lib/x86_64-linux-gnu/kamailio/modules/tls.so';

const isInstalled = (what: PeerProgram | PeerModule): boolean =>
  what === 'kamailio-tls-modules'
    ? existsSync(KAMAILIO_TLS)
    : spawnSync('sh', ['-c', `command -v ${what}`]).status === 0;

/** `describe` with SIP programs of other people. Where one is missing: a failure if they are required, else skipped, aloud. */
export function describeWithPeers(
  programs: readonly (PeerProgram | PeerModule)[],
  name: string,
  body: () => void,
): void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) describe(name, body);
  else if (process.env['REQUIRE_SIP_PEERS'] === '1')
    it(`${name}: needs ${missing.join(', ')}`, () => {
      throw new Error(`Not installed: ${missing.join(', ')}`);
    });
  else {
    process.stderr.write(`\nSKIPPED: ${name}: not installed: ${missing.join(', ')}\n`);
    describe.skip(`${name} (not installed: ${missing.join(', ')})`, body);
  }
}

const running = new Set<Peer>();

/** Ends what a test has not ended, also one that failed. */
export const stopPeers = (): Promise<unknown> => Promise.all([...running].map((peer) => peer.stop()));

process.once('exit', () => {
  for (const peer of running) peer.kill();
});

/** A program of other people. */
export class Peer {
  output = '';
  /** Its exit code. */
  readonly exited: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly signal: NodeJS.Signals,
    private readonly afterwards: () => void,
  ) {
    running.add(this);
    const keep = (chunk: Buffer): void => void (this.output = (this.output + chunk.toString()).slice(-20_000));
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.exited = once(child, 'close').then(([code]) => code as number | null);
  }

  /** Starts it and waits until it listens. Only Kamailio is asked to end: it has children to take along. */
  static async start(command: PeerProgram, args: string[], ready: () => boolean, afterwards = (): void => undefined) {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const peer = new Peer(child, command === 'kamailio' ? 'SIGTERM' : 'SIGKILL', afterwards);
    await eventually(`${command} listens`, () => {
      if (child.exitCode !== null) throw new Error(`${command} ended:\n${peer.output}`);
      return Promise.resolve(ready() || undefined);
    });
    return peer;
  }

  /** It stands still, and what it has to say or to answer with it. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.kill();
    await this.exited;
    if (running.delete(this)) this.afterwards();
  }

  kill(): void {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(this.signal);
  }
}

/** A port that is free with UDP and TCP, and the next one too: baresip takes that for TLS. */
export async function freePort(address: string): Promise<number> {
  return eventually('a free port', async () => {
    const server = createServer().listen(0, address);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = createSocket('udp4');
    const isFree = await new Promise<boolean>((resolve) => {
      socket.once('error', () => {
        resolve(false);
      });
      socket.bind(port, address, () => {
        resolve(true);
      });
    });
    socket.close();
    server.close();
    await once(server, 'close');
    return isFree && port < 65_000 ? port : undefined;
  });
}

/** Whether somebody listens, asked of the kernel: a probe of our own could disturb. */
export function listens(transport: 'udp' | 'tcp', address: string, port: number): boolean {
  const hex = address
    .split('.')
    .reverse()
    .map((octet) => Number(octet).toString(16).padStart(2, '0'))
    .join('');
  const place = `${hex}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  const state = transport === 'udp' ? '07' : '0A';
  return readFileSync(`/proc/net/${transport}`, 'utf8')
    .split('\n')
    .some((line) => line.trim().split(/\s+/)[1] === place && line.trim().split(/\s+/)[3] === state);
}

export interface Phone {
  peer: Peer;
  target: SipTarget;
}

/** SIPp with a scenario of the lab: one call, after which it exits, with 0 if all went as written. */
export async function startSipp(scenario: string, transport: 'udp' | 'tcp' = 'udp', port?: number): Promise<Phone> {
  const at = port ?? (await freePort(PHONES));
  const script = join(LAB, 'sipp', `${scenario}.xml`);
  const args = [
    '-sf',
    script,
    '-i',
    PHONES,
    '-p',
    String(at),
    '-m',
    '1',
    '-nostdin',
    '-t',
    transport === 'tcp' ? 't1' : 'u1',
  ];
  const peer = await Peer.start('sipp', args, () => listens(transport, PHONES, at));
  return { peer, target: { host: PHONES, port: at, transport } };
}

/** What baresip wrote down of a call: what it said and what it heard. */
export interface PhoneRecording {
  spoken: Int16Array;
  heard: Int16Array;
}

/** It hangs up when it has nothing to say any more. */
const NEVER_SECONDS = 60;

/** The number by which baresip is called where no proxy translates one (lab/baresip/accounts). */
export const BARESIP_NUMBER = '+15550000001';

/** baresip: a phone that answers by itself. */
export class Baresip {
  private constructor(
    readonly peer: Peer,
    private readonly folder: string,
    private readonly port: number,
    private readonly control: number,
    /** Of its certificate. */
    readonly certificate: string,
  ) {}

  /**
   * @param account what else its account says, e.g. `;mediaenc=srtp-mand`
   * @param sound what it says in each call, PCM16 at 8 kHz; afterwards it is silent
   */
  static async start(account = '', sound: Int16Array = new Int16Array()): Promise<Baresip> {
    const folder = temporaryFolder();
    const [port, control] = [await freePort(PHONES), await freePort(PHONES)];
    fill('baresip/config', join(folder.path, 'config'), { DIR: folder.path, PORT: port, CONTROL: control });
    const accounts = readFileSync(join(LAB, 'baresip', 'accounts'), 'utf8');
    writeFileSync(join(folder.path, 'accounts'), accounts.replace(/(?<=>.*)$/gm, account));
    mkdirSync(join(folder.path, 'recordings'));
    const certificate = makeCertificate(folder.path, PHONES);
    writeFileSync(join(folder.path, 'callee.wav'), soundFile(sound));
    const ready = (): boolean =>
      listens('udp', PHONES, port) && listens('tcp', PHONES, port + 1) && listens('tcp', PHONES, control);
    const peer = await Peer.start('baresip', ['-4', '-f', folder.path, '-s'], ready, folder.remove);
    return new Baresip(peer, folder.path, port, control, certificate);
  }

  /** What it says in calls from now on. */
  say(sound: Int16Array): void {
    writeFileSync(join(this.folder, 'callee.wav'), soundFile(sound));
  }

  /** Its last recording, once it is complete. Calls that begin in the same second have one together. */
  recording(): Promise<PhoneRecording> {
    return eventually('a complete recording of the phone', () => {
      const [spoken, heard] = (['enc', 'dec'] as const).map((direction) => this.dump(direction));
      return Promise.resolve(spoken && heard ? { spoken, heard } : undefined);
    });
  }

  /** Resolves when it has recorded so much of the call that goes on. */
  async hasRecorded(seconds: number): Promise<void> {
    await eventually(`${seconds} s of a recording of the phone`, () => {
      const files = (['enc', 'dec'] as const).map((direction) => this.file(direction));
      const isEnough = files.every((file) => file && statSync(file).size > 44 + seconds * 16_000);
      return Promise.resolve(isEnough || undefined);
    });
  }

  target(transport: SipTarget['transport']): SipTarget {
    return { host: PHONES, port: transport === 'tls' ? this.port + 1 : this.port, transport };
  }

  get sipPort(): number {
    return this.port;
  }

  /** It writes how long a recording is when it closes it. */
  private dump(direction: 'enc' | 'dec'): Int16Array | undefined {
    const path = this.file(direction);
    if (path === undefined) return undefined;
    const file = readFileSync(path);
    const isComplete = file.length > 44 && file.readUInt32LE(4) === file.length - 8;
    return isComplete ? parseWav(file).channels[0] : undefined;
  }

  private file(direction: 'enc' | 'dec'): string | undefined {
    const folder = join(this.folder, 'recordings');
    const names = readdirSync(folder).filter((name) => name.endsWith(`-${direction}.wav`));
    const last = names.sort().at(-1);
    return last === undefined ? undefined : join(folder, last);
  }

  /** Gives a command, e.g. `hangup`. */
  async command(command: string): Promise<void> {
    const text = JSON.stringify({ command });
    const socket = connect(this.control, PHONES);
    await once(socket, 'connect');
    socket.write(`${Buffer.byteLength(text)}:${text},`);
    await once(socket, 'data');
    socket.destroy();
  }
}

/** Kamailio as a carrier: wants a login (alice, s3cret), and stays in the way of all requests. */
export async function startKamailio(options: {
  /** The port of a `Baresip`. Who calls over TLS reaches it over TLS. */
  answers?: number;
  scripted?: number;
  sha256?: boolean;
  tls?: boolean;
}): Promise<Phone> {
  const { answers = 9, scripted = 9, tls = false } = options;
  const folder = temporaryFolder();
  const port = await freePort(CARRIER);
  const config = join(folder.path, 'kamailio.cfg');
  const ports = { PORT: port, TLS: port + 1, ANSWERS: answers, SECURE: answers + 1, SCRIPTED: scripted };
  fill('kamailio.cfg', config, { DIR: folder.path, ...ports });
  if (tls) makeCertificate(folder.path, CARRIER);
  const run = join(folder.path, 'run');
  mkdirSync(run);
  const defined = [...(options.sha256 === true ? ['SHA256'] : []), ...(tls ? ['TLS'] : [])];
  const args = ['-f', config, '-m', '64', '-M', '8', '-DD', '-P', join(run, 'pid'), '-Y', run];
  const peer = await Peer.start(
    'kamailio',
    [...args, ...defined.flatMap((name) => ['-A', name])],
    () => listens('udp', CARRIER, port) && listens('tcp', CARRIER, port) && (!tls || listens('tcp', CARRIER, port + 1)),
    folder.remove,
  );
  const target: SipTarget = { host: CARRIER, port: tls ? port + 1 : port, transport: tls ? 'tls' : 'udp' };
  return { peer, target };
}

function fill(template: string, to: string, values: Record<string, string | number>): void {
  const text = readFileSync(join(LAB, template), 'utf8');
  writeFileSync(
    to,
    text.replace(/@([A-Z]+)@/g, (_, name: string) => String(values[name])),
  );
}

/** A self-signed certificate and its key, also in one file; returns the certificate. */
function makeCertificate(folder: string, address: string): string {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'only-cert.pem')];
  const subject = ['-subj', `/CN=${address}`, '-addext', `subjectAltName=IP:${address}`];
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...ec, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
  const certificate = readFileSync(cert, 'utf8');
  writeFileSync(join(folder, 'cert.pem'), readFileSync(key, 'utf8') + certificate);
  return certificate;
}

const soundFile = (sound: Int16Array): Buffer => wavFile(pcmBytes(joined(sound, silence(NEVER_SECONDS))));
