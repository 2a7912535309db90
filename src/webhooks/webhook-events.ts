import { CALL_EVENT_TYPES } from '../calls/call-events.js';

/** Sent to the other webhooks of the organization after the server has disabled one. */
export const DISABLED_EVENT = 'webhook.disabled';
/** Sent when it is asked for, whatever an endpoint has chosen. */
export const TEST_EVENT = 'webhook.test';

/** What an endpoint can choose. */
export const WEBHOOK_EVENTS = [...CALL_EVENT_TYPES, DISABLED_EVENT] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

export const DEFAULT_EVENTS: readonly WebhookEvent[] = ['call.ended'];
