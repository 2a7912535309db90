import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type Config } from '../../config/config.js';
import { Log } from '../../lib/platform/index.js';
import { InjectConfig } from '../../config/inject-config.js';
import { CarrierHealth, type CarrierTarget, type TargetHealth } from '../../carriers/index.js';
import { SipEndpoints } from './sip-endpoints.js';

const PING_MS = 4_000;

/** Pings the targets of a carrier with SIP OPTIONS (RFC 3261 section 11), from the process of the API. */
@Injectable()
export class SipCarrierHealth extends CarrierHealth implements OnApplicationShutdown {
  private readonly endpoints: SipEndpoints;

  constructor(@InjectConfig() config: Config, log: Log) {
    super();
    // A port of its own: the worker binds the port of calls.
    this.endpoints = new SipEndpoints({ ...config.sip, port: 0 }, log);
  }

  ping(targets: readonly CarrierTarget[], verifyTls: boolean): Promise<TargetHealth[]> {
    return Promise.all(targets.map((target) => this.pingOne(target, verifyTls)));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.endpoints.close();
  }

  private async pingOne(target: CarrierTarget, verifyTls: boolean): Promise<TargetHealth> {
    const { host, port, transport } = target;
    try {
      const { agent } = await this.endpoints.agentFor(host, verifyTls);
      const answer = await agent.optionsPing({ host, port: port ?? undefined, transport }, PING_MS);
      return { ...target, ...answer, problem: null };
    } catch (error) {
      return { ...target, ok: false, status: null, rttMs: null, problem: explain(error) };
    }
  }
}

/** The error code of the system; the message could name local addresses. */
function explain(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'The target cannot be reached from here';
}
