import { type Log } from '../../platform/index.js';
import { MediaEngine } from '../media/index.js';
import { type Registration, type SipTimers, SipUserAgent } from '../sip/index.js';
import { type SipCarrier } from '../carriers/sip-carrier.js';
import { localAddressTowards } from './local-address.js';
import { sipTargets, sipUri } from './sip-names.js';

export interface SipTrunksOptions {
  /** The address to send from; undefined: whichever the routing table gives for the carrier. */
  address: string | undefined;
  /** The port of SIP over UDP and TCP; 0 takes a free one. */
  port: number;
  /** What carriers reach us at, behind NAT. */
  publicAddress: string | undefined;
  rtpPorts: { min: number; max: number } | undefined;
  mediaTimeoutMs: number;
  timers?: Partial<SipTimers> | undefined;
}

/** The SIP user agents and the media worker of this process, started when the first call needs them. */
export class SipTrunks {
  private readonly agents = new Map<string, Promise<SipUserAgent>>();
  private readonly registrations = new Map<string, Registration>();
  private engine: Promise<MediaEngine> | undefined;

  constructor(
    private readonly options: SipTrunksOptions,
    private readonly log: Log,
  ) {}

  /** @returns the user agent that reaches a host, and the address it uses. @throws Error when none can */
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

  media(address: string): Promise<MediaEngine> {
    const { publicAddress, rtpPorts: ports, mediaTimeoutMs } = this.options;
    this.engine ??= MediaEngine.start({ address, publicAddress, ports, mediaTimeoutMs }).catch((error: unknown) => {
      this.engine = undefined;
      throw error;
    });
    return this.engine;
  }

  /** Carriers that want it know from the first call on where we are. */
  register(agent: SipUserAgent, carrier: SipCarrier): void {
    if (!carrier.registration || !carrier.credentials || this.registrations.has(carrier.id)) return;
    const { credentials, id } = carrier;
    const registration = agent.register({
      targets: sipTargets(carrier),
      aor: sipUri(credentials.username, carrier),
      credentials,
      onChange: (registered, status) => {
        if (!registered) this.log.warn({ carrierId: id, status }, 'a carrier does not register us');
      },
    });
    this.registrations.set(id, registration);
  }

  async close(): Promise<void> {
    await Promise.all([...this.registrations.values()].map((registration) => registration.close()));
    this.registrations.clear();
    const agents = await Promise.allSettled(this.agents.values());
    this.agents.clear();
    for (const agent of agents) if (agent.status === 'fulfilled') await agent.value.close();
    await (await this.engine?.catch(() => undefined))?.close();
    this.engine = undefined;
  }

  private startAgent(address: string, verifyTls: boolean): Promise<SipUserAgent> {
    const { port, publicAddress, timers } = this.options;
    // Two on one address cannot share its port.
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
