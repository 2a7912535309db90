import { type EventStore } from '../lib/event-store/index.js';
import { DomainError } from '../lib/platform/index.js';
import { type CallCommand, decide } from './call.js';
import { type CallState, evolve, replay } from './call-state.js';
import { type CallEvent } from './call-events.js';
import { appendToCall } from './call-append.js';

/** How often a decision is made anew when the call changed while it was made. */
const MAX_DECISIONS = 5;

/** Loads a call, decides and appends; when the call changed meanwhile, again. */
export class CallCommands {
  constructor(private readonly events: EventStore) {}

  /**
   * Makes a command true of a call.
   * @returns the state afterwards, and the events that the command made; none when it was so already
   * @throws DomainError of the decision, or `conflict` when the call never stood still
   */
  async execute(id: string, command: CallCommand, cause: object): Promise<{ state: CallState; events: CallEvent[] }> {
    for (let decision = 1; decision <= MAX_DECISIONS; decision++) {
      const { state, version } = await this.load(id);
      const events = decide(command, state);
      if (events.length === 0) return { state, events };
      if (await this.events.append(appendToCall(id, version, state, events, cause)))
        return { state: events.reduce(evolve, state), events };
    }
    throw new DomainError('conflict', 'The call is changing at this moment; retry');
  }

  async stateOf(id: string): Promise<CallState> {
    return (await this.load(id)).state;
  }

  private async load(id: string): Promise<{ state: CallState; version: number }> {
    const history = await this.events.load(id);
    // What the store gives back is what this room once appended.
    return { state: replay(history as unknown as CallEvent[]), version: history.length };
  }
}
