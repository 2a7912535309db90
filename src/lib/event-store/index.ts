export { type Append, type InlineProjection } from './append-statement.js';
export { EventStore, type StoredEvent } from './event-store.js';
export { FEED_START, type FeedEvent, feedLag, type FeedPosition, needsRepair, repairFeedAfterRestore } from './feed.js';
export { type FeedReader, Subscription } from './subscription.js';
