import { type Log, withTimeout } from '../../lib/platform/index.js';
import { MediaEngine, type MediaSession, type MediaSessionOptions } from '../../lib/media/index.js';
import { type Registration, type SipTimers, SipUserAgent } from '../../lib/sip/index.js';
import { type SipCarrier } from '../../carriers/index.js';
import { localAddressTowards } from './local-address.js';
import { sipTargets, sipUri } from './sip-names.js';

const UNREGISTER_MS = 1_000;

export interface SipEndpointsOptions {
  /** The local address; undefined: the routing table selects it for each carrier. */
  address: string | undefined;
  /** The port of SIP over UDP and TCP; 0 binds a free one. */
  port: number;
  /** The address that carriers see, behind NAT. */
  publicAddress: string | undefined;
  rtpPorts: { min: number; max: number } | undefined;
  mediaTimeoutMs: number;
  timers?: Partial<SipTimers> | undefined;
}

/** The SIP user agents and the media worker of this process, started by the first call. */
export class SipEndpoints {
  private readonly agents = new Map<string, Promise<SipUserAgent>>();
  private readonly registrations = new Map<string, Registration>();
  private engine: Promise<MediaEngine> | undefined;
  private mediaAddress: string | undefined;

  constructor(
    private readonly options: SipEndpointsOptions,
    private readonly log: Log,
  ) {}

  /** @returns a user agent with a route to the host, and its local address. @throws Error without a route */
  async agentFor(host: string, verifyTls: boolean): Promise<{ agent: SipUserAgent; address: string }> {
    const address = this.options.address ?? (await localAddressTowards(host));
    const key = `${address} ${verifyTls ? 'verified' : 'unverified'}`;
    let agent = this.agents.get(key);
    if (!agent) {
      agent = this.startAgent(address, verifyTls);
      this.agents.set(key, agent);
      agent.catch(() => this.agents.delete(key));
    }
    return { agent: await agent, address };
  }

  /** Binds the media ports of a call. Behind NAT the public address stands for the first local address. */
  async openMedia(
    address: string,
    options: Pick<MediaSessionOptions, 'recordTo' | 'detectAnswer'>,
  ): Promise<MediaSession> {
    this.mediaAddress ??= address;
    const engine = await this.media(this.mediaAddress);
    return engine.open({ ...options, ...(address === this.mediaAddress ? {} : { address }) });
  }

  private media(address: string): Promise<MediaEngine> {
    const { publicAddress, rtpPorts: ports, mediaTimeoutMs } = this.options;
    const onCrash = (error: unknown) => {
      this.log.error({ err: error }, 'the media worker crashed; its calls end, and the next call starts a new worker');
    };
    this.engine ??= MediaEngine.start({ address, publicAddress, ports, mediaTimeoutMs, onCrash }).catch(
      (error: unknown) => {
        this.engine = undefined;
        throw error;
      },
    );
    return this.engine;
  }

  /** Registers with a carrier that requires it, at its first call. */
  register(agent: SipUserAgent, carrier: SipCarrier): void {
    if (!carrier.registration || !carrier.credentials || this.registrations.has(carrier.id)) return;
    const { credentials, id } = carrier;
    const registration = agent.register({
      targets: sipTargets(carrier),
      aor: sipUri(credentials.username, carrier),
      credentials,
      onChange: (registered, status) => {
        if (!registered) this.log.warn({ carrierId: id, status }, 'the carrier refuses the registration');
      },
    });
    this.registrations.set(id, registration);
  }

  async close(): Promise<void> {
    const unregistered = [...this.registrations.values()].map((registration) => registration.close());
    // A registrar that does not answer forgets the registration when it expires.
    await withTimeout(UNREGISTER_MS, 'unregistering', Promise.all(unregistered)).catch(() => undefined);
    this.registrations.clear();
    const agents = await Promise.allSettled(this.agents.values());
    this.agents.clear();
    for (const agent of agents) if (agent.status === 'fulfilled') await agent.value.close();
    await (await this.engine?.catch(() => undefined))?.close();
    this.engine = undefined;
  }

  private startAgent(address: string, verifyTls: boolean): Promise<SipUserAgent> {
    const { port, publicAddress, timers } = this.options;
    // Two user agents on one address cannot share its port.
    const isFirst = ![...this.agents.keys()].some((key) => key.startsWith(`${address} `));
    return SipUserAgent.start({
      address,
      port: isFirst ? port : 0,
      userAgent: 'Outdial',
      tls: { rejectUnauthorized: verifyTls },
      ...(publicAddress === undefined ? {} : { publicAddress }),
      ...(timers === undefined ? {} : { timers }),
      onProblem: (problem, detail) => {
        this.log.warn({ detail }, `SIP: ${problem}`);
      },
    });
  }
}
