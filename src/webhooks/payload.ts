import { type EventPayload } from '../calls/index.js';

interface PayloadFields {
  /** Of the delivery, the same as in its headers. */
  id: string;
  event: string;
  /** When it happened, ISO 8601. */
  timestamp: string;
  environment: string;
  /** The delivery that this one repeats. */
  replayOf?: string | null;
}

/**
 * What is sent about an event of a call: the contract's `{ id, event, timestamp, data }`, and more. `sequence` is the
 * event's number in its call, by which a receiver can put events in order whatever order they came in; `eventId` is the
 * same for all endpoints and replays.
 */
export function callBody(
  fields: Omit<PayloadFields, 'event' | 'timestamp' | 'environment'>,
  sequence: number,
  event: EventPayload,
): string {
  const { id, replayOf } = fields;
  return body(
    { id, event: event.type, timestamp: event.at, environment: event.environment, replayOf: replayOf ?? null },
    { eventId: event.id, sequence },
    { ...event.call, details: event.details },
  );
}

/** What is sent about an endpoint itself. */
export const endpointBody = (fields: PayloadFields, data: object): string =>
  body({ ...fields, replayOf: null }, { eventId: fields.id, sequence: null }, data);

function body(
  { id, event, timestamp, ...rest }: PayloadFields,
  place: { eventId: string; sequence: number | null },
  data: object,
): string {
  return JSON.stringify({ id, event, timestamp, ...rest, ...place, data });
}
