import { Injectable } from '@nestjs/common';
import { Batcher, Database, type NamedStatement } from '../lib/platform/index.js';
import { type Environment } from '../calls/index.js';
import { type CallLimits } from './dialing-options.js';

/** A carrier with waiting calls, and its own limits. */
export interface WaitingCarrier {
  id: string;
  limits: Partial<CallLimits>;
}

export interface AdmissionRequest {
  /** The worker that leases the calls. */
  owner: string;
  environment: Environment;
  carrier: string;
  leaseMs: number;
  limits: CallLimits;
  maxCalls: number;
}

export interface Admission {
  callIds: string[];
  /** Time until the carrier may take the next call, when only its calls per second hold calls back. */
  retryInMs: number | undefined;
}

const MAX_BATCH = 200;
const ADMIT: NamedStatement = {
  name: 'admit_calls',
  text: `select call_id, retry_in_ms from admit_calls($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
};

/** The queue of waiting calls in the database, and the calls per second of its carriers. */
@Injectable()
export class CallQueue {
  private readonly confirmations = new Batcher<string, undefined>(
    async (callIds) => {
      await this.confirmAllDialled(callIds);
      return callIds.map(() => undefined);
    },
    { maxBatch: MAX_BATCH, maxInFlight: 1 },
  );

  constructor(private readonly database: Database) {}

  /**
   * Leases the next calls to a worker, as many as every limit allows: first come, first served within an organization,
   * and organizations take turns. Only one admission runs at a time in all processes, so that no limit is exceeded.
   */
  async admit(request: AdmissionRequest): Promise<Admission> {
    const { owner, environment, carrier, leaseMs, limits, maxCalls } = request;
    const rows = await this.database.query<{ call_id: string | null; retry_in_ms: number | null }>(ADMIT, [
      owner,
      environment,
      carrier,
      leaseMs,
      limits.callsPerOrganization,
      limits.callsPerNumber,
      limits.callsPerSecond,
      limits.channels ?? 0,
      maxCalls,
    ]);
    return {
      callIds: rows.flatMap(({ call_id }) => (call_id === null ? [] : [call_id])),
      retryInMs: rows.find(({ retry_in_ms }) => retry_in_ms !== null)?.retry_in_ms ?? undefined,
    };
  }

  /**
   * The carriers of numbers with waiting live calls: active ones by their id, and `default` for all other numbers,
   * whether or not the settings name a default carrier.
   */
  async waitingCarriers(): Promise<WaitingCarrier[]> {
    const rows = await this.database.query<{
      id: string;
      calls_per_second: number | null;
      max_channels: number | null;
    }>({
      name: 'waiting_carriers',
      text: `select distinct w.carrier as id, c.calls_per_second, c.max_channels
             from waiting_numbers() w left join carriers c on c.id::text = w.carrier where w.environment = 'live'`,
    });
    return rows.map(({ id, calls_per_second: callsPerSecond, max_channels: channels }) => ({
      id,
      limits: {
        ...(callsPerSecond === null ? {} : { callsPerSecond }),
        ...(channels === null ? {} : { channels }),
      },
    }));
  }

  /** Counts a dialled call for the calls per second of its carrier, one second from now. */
  async confirmDialled(callId: string): Promise<void> {
    await this.confirmations.submit(callId);
  }

  async confirmAllDialled(callIds: readonly string[]): Promise<void> {
    await this.database.query(
      {
        name: 'confirm_asked',
        text: `update carrier_admissions set asked_at = clock_timestamp()
               where call_id = any ($1::uuid[]) and asked_at is null`,
      },
      [callIds],
    );
  }

  /** No longer counts an admitted call that is not dialled after all. */
  async cancelAdmission(callId: string): Promise<void> {
    await this.database.query(
      {
        name: 'give_back_pace',
        text: 'delete from carrier_admissions where call_id = $1 and asked_at is null',
      },
      [callId],
    );
  }
}
