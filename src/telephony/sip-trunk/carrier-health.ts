import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type Config } from '../../config/config.js';
import { Log } from '../../lib/platform/index.js';
import { InjectConfig } from '../../config/inject-config.js';
import { CarrierHealth, type CarrierTarget, type TargetHealth } from '../../carriers/index.js';
import { SipEndpoints } from './sip-endpoints.js';

const PING_MS = 4_000;

/** Whether the servers of a carrier answer: SIP OPTIONS (RFC 3261 section 11), from the process that is asked. */
@Injectable()
export class SipCarrierHealth extends CarrierHealth implements OnApplicationShutdown {
  private readonly trunks: SipEndpoints;

  constructor(@InjectConfig() config: Config, log: Log) {
    super();
    // Its own port: that of calls belongs to the worker.
    this.trunks = new SipEndpoints({ ...config.sip, port: 0 }, log);
  }

  ping(targets: readonly CarrierTarget[], verifyTls: boolean): Promise<TargetHealth[]> {
    return Promise.all(targets.map((target) => this.pingOne(target, verifyTls)));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.trunks.close();
  }

  private async pingOne(target: CarrierTarget, verifyTls: boolean): Promise<TargetHealth> {
    const { host, port, transport } = target;
    try {
      const { agent } = await this.trunks.agentFor(host, verifyTls);
      const answer = await agent.optionsPing({ host, port: port ?? undefined, transport }, PING_MS);
      return { ...target, ...answer, problem: null };
    } catch (error) {
      return { ...target, ok: false, status: null, rttMs: null, problem: explain(error) };
    }
  }
}

/** No address of ours and no stack: what went wrong in the system's one word. */
function explain(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'The target cannot be reached from here';
}
