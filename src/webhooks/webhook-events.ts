import { CALL_EVENT_TYPES } from '../calls/call-events.js';

/** Told to the other endpoints of the organization when the server itself has stopped telling one. */
export const DISABLED_EVENT = 'webhook.disabled';
/** Sent when it is asked for, whatever an endpoint has chosen. */
export const TEST_EVENT = 'webhook.test';

/** What an endpoint can choose. */
export const WEBHOOK_EVENTS = [...CALL_EVENT_TYPES, DISABLED_EVENT] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

export const DEFAULT_EVENTS: readonly WebhookEvent[] = ['call.ended'];
