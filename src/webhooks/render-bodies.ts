import { eventPayloads } from '../calls/index.js';
import { type Database } from '../lib/platform/index.js';
import { type Attempt, type DeliveryJobs, type ClaimedDelivery } from './delivery-jobs.js';
import { callBody } from './payload.js';

export type RenderedDelivery = ClaimedDelivery & { body: string };

/**
 * Fixes what is sent, for this attempt and those after it. Deliveries of events that were erased are over, and left out.
 */
export async function renderBodies(
  database: Database,
  jobs: Pick<DeliveryJobs, 'keepBodies' | 'record'>,
  taken: readonly ClaimedDelivery[],
): Promise<RenderedDelivery[]> {
  const bare = taken.filter(({ body }) => body === null);
  if (bare.length === 0) return taken.filter(isReady);
  const reported = await eventPayloads(
    database,
    bare.map(({ callId, sequence }) => ({ callId: callId ?? '', version: sequence ?? 0 })),
  );
  const made = bare.map((delivery, index): ClaimedDelivery => {
    const event = reported[index];
    return event ? { ...delivery, body: callBody(delivery, delivery.sequence ?? 0, event) } : delivery;
  });
  const rendered = made.filter(isReady);
  const erased = made.filter((delivery) => !isReady(delivery));
  if (rendered.length > 0) await jobs.keepBodies(rendered);
  if (erased.length > 0) await jobs.record(erased.map(giveUp));
  return [...taken.filter(isReady), ...rendered];
}

const isReady = (delivery: ClaimedDelivery): delivery is RenderedDelivery => delivery.body !== null;

const giveUp = ({ id, takes }: ClaimedDelivery): Attempt => ({
  ...{ id, takes, at: new Date().toISOString(), headers: {}, status: null, response: null, ms: 0 },
  ...{ error: 'What happened is not known any more', verdict: 'failed', retryInMs: null },
});
