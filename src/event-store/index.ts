export { type Append, type InlineProjection, type NewEvent } from './append-statement.js';
export { EventStore, type StoredEvent } from './event-store.js';
export {
  FEED_START,
  type FeedEvent,
  feedLag,
  type FeedLag,
  type FeedPosition,
  needsRepair,
  readFeed,
  repairFeedAfterRestore,
} from './feed.js';
export { type FeedReader, Subscription, type SubscriptionOptions } from './subscription.js';
