import { Injectable } from '@nestjs/common';
import { Database } from '../../lib/platform/index.js';
import { type DialogState } from '../../lib/sip/index.js';
import { type LegSignal } from '../provider.js';

/** The call and the carrier of a dialled leg. */
export interface LegOrigin {
  callId: string;
  organizationId: string;
  carrierId: string;
}

/** An answered leg: all that another process needs to end it. */
export interface AnsweredLeg {
  answeredAt: Date;
  dialog: DialogState;
  organizationId: string;
  carrierId: string;
}

/** The record of an attempt. */
export type RecordedLeg =
  | { status: 'never' }
  | { status: 'dialing' }
  | ({ status: 'answered' } & AnsweredLeg)
  | { status: 'ended'; signals: LegSignal[] };

interface Row {
  state: 'never' | 'dialing' | 'answered' | 'over';
  dialog: DialogState;
  answered_at: Date;
  organization_id: string;
  carrier_id: string;
  signals: (Omit<LegSignal, 'at'> & { at: string })[];
}

/**
 * The attempts over SIP, in the database: the far end does not know them. One process claims an attempt, once, before it
 * sends anything; or the attempt is marked as never to be dialled. The column `reference` holds the attempt's id.
 */
@Injectable()
export class SipLegLedger {
  constructor(private readonly database: Database) {}

  /** @returns false when the attempt has a record already */
  async claim(attemptId: string, { callId, organizationId, carrierId }: LegOrigin): Promise<boolean> {
    const rows = await this.database.query(
      {
        name: 'claim_sip_leg',
        text: `insert into sip_legs (reference, call_id, organization_id, carrier_id, state)
               values ($1, $2, $3, $4, 'dialing') on conflict do nothing returning reference`,
      },
      [attemptId, callId, organizationId, carrierId],
    );
    return rows.length > 0;
  }

  /** The record of an attempt. An attempt without one is marked `never`: no process can claim it from now on. */
  async find(attemptId: string): Promise<RecordedLeg> {
    await this.database.query(`insert into sip_legs (reference, state) values ($1, 'never') on conflict do nothing`, [
      attemptId,
    ]);
    const [row] = await this.database.query<Row>('select * from sip_legs where reference = $1', [attemptId]);
    switch (row?.state) {
      case 'answered':
        return { status: 'answered', ...answeredLegOf(row) };
      case 'over':
        return { status: 'ended', signals: row.signals.map((one) => ({ ...one, at: new Date(one.at) }) as LegSignal) };
      case 'dialing':
        return { status: 'dialing' };
      case 'never':
      case undefined:
        return { status: 'never' };
    }
  }

  /** Records the answer: from now on another process can end the leg. */
  async recordAnswer(attemptId: string, at: Date, dialog: DialogState): Promise<void> {
    await this.database.query(
      `update sip_legs set state = 'answered', answered_at = $2, dialog = $3, updated_at = now()
       where reference = $1 and state = 'dialing'`,
      [attemptId, at, JSON.stringify(dialog)],
    );
  }

  /** Records the end; only the first one counts. */
  async recordEnd(attemptId: string, signals: readonly LegSignal[]): Promise<void> {
    await this.database.query(
      `update sip_legs set state = 'over', dialog = null, signals = $2, updated_at = now()
       where reference = $1 and state in ('dialing', 'answered')`,
      [attemptId, JSON.stringify(signals)],
    );
  }

  /** Records the end of several attempts. @returns the legs among them that were answered and are still to be ended */
  async endAnswered(attemptIds: readonly string[]): Promise<AnsweredLeg[]> {
    const rows = await this.database.query<Row>(
      `select * from sip_legs where reference = any($1) and state = 'answered'`,
      [attemptIds],
    );
    await this.database.query(
      `update sip_legs set state = 'over', dialog = null, signals = '[]', updated_at = now()
       where reference = any($1) and state in ('dialing', 'answered')`,
      [attemptIds],
    );
    return rows.map(answeredLegOf);
  }

  /** Deletes records that are too old to be looked up. */
  async purge(): Promise<void> {
    await this.database.query(`delete from sip_legs where updated_at < now() - interval '7 days'`);
  }
}

const answeredLegOf = (row: Row): AnsweredLeg => ({
  answeredAt: row.answered_at,
  dialog: row.dialog,
  organizationId: row.organization_id,
  carrierId: row.carrier_id,
});
