import { type Database, type Log, newId } from '../lib/platform/index.js';
import { type ClaimedDelivery } from './delivery-jobs.js';
import { endpointBody } from './payload.js';
import { DISABLED_EVENT } from './webhook-events.js';
import { type DisabledReason } from './webhook.entity.js';

/** An endpoint of which nothing has succeeded for so long is switched off. */
const PATIENCE_MS = 5 * 86_400_000;

interface Disabled {
  organizationId: string;
  environment: string;
  url: string;
  failingSince: Date | null;
  disabledAt: Date;
}

/** Watches how endpoints do, and switches off those that are gone. */
export class EndpointHealth {
  constructor(
    private readonly database: Database,
    private readonly log: Log,
    /** Called when there is something to deliver. */
    private readonly wake: () => void,
  ) {}

  async succeeded({ endpointId, failingSince }: ClaimedDelivery): Promise<void> {
    if (failingSince === null) return;
    await this.database.query(
      'update webhook_endpoints set failing_since = null where id = $1 and failing_since is not null',
      [endpointId],
    );
  }

  async failed(delivery: ClaimedDelivery, gone: boolean): Promise<void> {
    const { endpointId, url, failingSince } = delivery;
    if (gone) await this.disable(delivery, 'gone');
    else if (failingSince === null)
      await this.database.query(
        `update webhook_endpoints set failing_since = clock_timestamp()
         where id = $1 and url = $2 and failing_since is null`,
        [endpointId, url],
      );
    else if (Date.now() - failingSince.getTime() >= PATIENCE_MS) await this.disable(delivery, 'failing');
  }

  /** Once, and not when it has been given another address or has succeeded since; tells the organization's other endpoints. */
  private async disable({ endpointId, url }: ClaimedDelivery, reason: DisabledReason): Promise<void> {
    await this.database.transaction(async (client) => {
      const { rows } = await client.query<Disabled>(
        `update webhook_endpoints
         set is_active = false, disabled_reason = $3, disabled_at = date_trunc('milliseconds', clock_timestamp()),
           updated_at = clock_timestamp()
         where id = $1 and url = $2 and is_active
           and ($3 = 'gone' or failing_since <= clock_timestamp() - $4 * interval '1 ms')
         returning organization_id as "organizationId", environment, url, failing_since as "failingSince",
           disabled_at as "disabledAt"`,
        [endpointId, url, reason, PATIENCE_MS],
      );
      const [disabled] = rows;
      if (!disabled) return;
      const { organizationId, environment, failingSince, disabledAt } = disabled;
      const others = await client.query<{ id: string }>(
        `select id from webhook_endpoints
         where organization_id = $1 and environment = $2 and is_active and $3 = any(events) order by id`,
        [organizationId, environment, DISABLED_EVENT],
      );
      const data = { webhookId: endpointId, organizationId, url, reason, failingSince, disabledAt };
      for (const other of others.rows) {
        const id = newId();
        const fields = { id, event: DISABLED_EVENT, timestamp: disabledAt.toISOString(), environment };
        await client.query(
          `insert into webhook_deliveries (id, endpoint_id, event, status, due_at, body)
           values ($1, $2, $3, 'pending', clock_timestamp(), $4)`,
          [id, other.id, DISABLED_EVENT, endpointBody(fields, data)],
        );
      }
      this.log.warn({ webhookId: endpointId, organizationId, reason }, 'a webhook has been switched off');
    });
    this.wake();
  }
}
