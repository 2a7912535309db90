/** The parts of the laboratory that can go wrong. */
export type Stage = 'chat' | 'transcription' | 'speech' | 'listen' | 'speak' | 'realtime';

/** What can go wrong at any of them. A connection that is refused is `refusingUrl` in `lab.ts`. */
export type Fault =
  /** Answers with a status, and a text that must not be repeated. */
  | { kind: 'status'; status: number; retryAfter?: string }
  /** Never says anything. */
  | { kind: 'stall' }
  /** Begins, and says nothing more. */
  | { kind: 'stall_midway' }
  /** Ends in the middle as if all was there; speech breaks its promised length. */
  | { kind: 'half' }
  | { kind: 'garbage' }
  /** Closes the socket instead of an answer. */
  | { kind: 'closed' }
  /** Closes the socket in the middle of the answer. */
  | { kind: 'closed_midway' }
  /** Then answers well. */
  | { kind: 'delay'; ms: number };

/** In the text of every status that is a fault. */
export const SECRET = 'sk-secret-of-the-provider';

/** By the names that may stand in an address: `/faults/<name>/v1`. */
export const NAMED_FAULTS: Readonly<Record<string, Fault>> = {
  400: { kind: 'status', status: 400 },
  401: { kind: 'status', status: 401 },
  404: { kind: 'status', status: 404 },
  429: { kind: 'status', status: 429, retryAfter: '2' },
  500: { kind: 'status', status: 500 },
  503: { kind: 'status', status: 503 },
  stall: { kind: 'stall' },
  stall_midway: { kind: 'stall_midway' },
  half: { kind: 'half' },
  garbage: { kind: 'garbage' },
  closed: { kind: 'closed' },
  closed_midway: { kind: 'closed_midway' },
};

/** Which request fails, and how: those that were asked for come first, one each, then what is so for the stage. */
export class Faults {
  private readonly next = new Map<Stage, (Fault | undefined)[]>();
  private readonly lasting = new Map<Stage, Fault>();

  /** For so many requests to the stage from now on. */
  add(stage: Stage, fault: Fault, times = 1): void {
    const queue = this.next.get(stage) ?? [];
    for (let i = 0; i < times; i++) queue.push(fault);
    this.next.set(stage, queue);
  }

  /** For every request to the stage, until it is taken back with `undefined`. */
  always(stage: Stage, fault: Fault | undefined): void {
    if (fault) this.lasting.set(stage, fault);
    else this.lasting.delete(stage);
  }

  clear(): void {
    this.next.clear();
    this.lasting.clear();
  }

  take(stage: Stage): Fault | undefined {
    return this.next.get(stage)?.shift() ?? this.lasting.get(stage);
  }
}
