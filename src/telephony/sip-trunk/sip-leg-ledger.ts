import { Injectable } from '@nestjs/common';
import { Database } from '../../lib/platform/index.js';
import { type DialogState } from '../../lib/sip/index.js';
import { type LegSignal } from '../provider.js';

/** Whose carrier a leg was dialled through. */
export interface DialledBy {
  callId: string;
  organizationId: string;
  carrierId: string;
}

/** A call that is open, as far as is known, and how to end it. */
export interface AnsweredLeg {
  answeredAt: Date;
  dialog: DialogState;
  organizationId: string;
  carrierId: string;
}

/** What is written down of a reference. */
export type LedgerLeg =
  { is: 'never' } | { is: 'dialing' } | ({ is: 'answered' } & AnsweredLeg) | { is: 'over'; signals: LegSignal[] };

interface Row {
  state: LedgerLeg['is'];
  dialog: DialogState;
  answered_at: Date;
  organization_id: string;
  carrier_id: string;
  signals: (Omit<LegSignal, 'at'> & { at: string })[];
}

/**
 * What SIP was asked for, in the database: the far end knows nothing of our references. A reference is claimed before
 * anything is sent, by one process, once; or it is marked as never to be dialled.
 */
@Injectable()
export class SipLegLedger {
  constructor(private readonly database: Database) {}

  /** @returns false when somebody has written about the reference before */
  async claim(reference: string, { callId, organizationId, carrierId }: DialledBy): Promise<boolean> {
    const rows = await this.database.query(
      {
        name: 'claim_sip_leg',
        text: `insert into sip_legs (reference, call_id, organization_id, carrier_id, state)
               values ($1, $2, $3, $4, 'dialing') on conflict do nothing returning reference`,
      },
      [reference, callId, organizationId, carrierId],
    );
    return rows.length > 0;
  }

  /** What is known of a reference. One that nobody has dialled is refused from now on. */
  async find(reference: string): Promise<LedgerLeg> {
    await this.database.query(`insert into sip_legs (reference, state) values ($1, 'never') on conflict do nothing`, [
      reference,
    ]);
    const [row] = await this.database.query<Row>('select * from sip_legs where reference = $1', [reference]);
    switch (row?.state) {
      case 'answered':
        return { is: 'answered', ...answeredOf(row) };
      case 'over':
        return { is: 'over', signals: row.signals.map((one) => ({ ...one, at: new Date(one.at) }) as LegSignal) };
      case 'dialing':
        return { is: 'dialing' };
      case 'never':
      case undefined:
        return { is: 'never' };
    }
  }

  /** From here on another process can end the call. */
  async answered(reference: string, at: Date, dialog: DialogState): Promise<void> {
    await this.database.query(
      `update sip_legs set state = 'answered', answered_at = $2, dialog = $3, updated_at = now()
       where reference = $1 and state = 'dialing'`,
      [reference, at, JSON.stringify(dialog)],
    );
  }

  /** The end; the first one told counts. */
  async over(reference: string, signals: readonly LegSignal[]): Promise<void> {
    await this.database.query(
      `update sip_legs set state = 'over', dialog = null, signals = $2, updated_at = now()
       where reference = $1 and state in ('dialing', 'answered')`,
      [reference, JSON.stringify(signals)],
    );
  }

  /** Those of some references that are open; they are over from now on. */
  async takeAnswered(references: readonly string[]): Promise<AnsweredLeg[]> {
    const rows = await this.database.query<Row>(
      `select * from sip_legs where reference = any($1) and state = 'answered'`,
      [references],
    );
    await this.database.query(
      `update sip_legs set state = 'over', dialog = null, signals = '[]', updated_at = now()
       where reference = any($1) and state in ('dialing', 'answered')`,
      [references],
    );
    return rows.map(answeredOf);
  }

  /** Forgets legs that nobody can ask for any more. */
  async purge(): Promise<void> {
    await this.database.query(`delete from sip_legs where updated_at < now() - interval '7 days'`);
  }
}

const answeredOf = (row: Row): AnsweredLeg => ({
  answeredAt: row.answered_at,
  dialog: row.dialog,
  organizationId: row.organization_id,
  carrierId: row.carrier_id,
});
