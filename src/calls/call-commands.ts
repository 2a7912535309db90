import { Injectable } from '@nestjs/common';
import { DomainError } from '../lib/platform/index.js';
import { type CallCommand, decide } from './call.js';
import { type CallState, evolve, replay } from './call-state.js';
import { type CallEvent } from './call-events.js';
import { appendToCall } from './call-append.js';
import { CallStore } from './call-store.js';

/** Attempts to append when the call changes between load and append. */
const MAX_DECISIONS = 5;

/** Loads a call, decides and appends; repeats this when the call has changed in between. */
@Injectable()
export class CallCommands {
  constructor(private readonly store: CallStore) {}

  /**
   * @returns the state after the command and its events; no events when they would repeat the state
   * @throws DomainError of the decision, or `conflict` when the call changes during every attempt
   */
  async execute(id: string, command: CallCommand, cause: object): Promise<{ state: CallState; events: CallEvent[] }> {
    for (let decision = 1; decision <= MAX_DECISIONS; decision++) {
      const { state, version } = await this.load(id);
      const events = decide(command, state);
      if (events.length === 0) return { state, events };
      if (await this.store.append(appendToCall(id, version, state, events, cause)))
        return { state: events.reduce(evolve, state), events };
    }
    throw new DomainError('conflict', 'The call is changing at this moment; retry');
  }

  async stateOf(id: string): Promise<CallState> {
    return (await this.load(id)).state;
  }

  private async load(id: string): Promise<{ state: CallState; version: number }> {
    const history = await this.store.load(id);
    // The store returns what `appendToCall` has written.
    return { state: replay(history as unknown as CallEvent[]), version: history.length };
  }
}
