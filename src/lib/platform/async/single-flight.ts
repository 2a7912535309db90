/**
 * Runs work once at a time: callers during a run share the run after it. The promise of each caller settles with a run that
 * began after the call.
 */
export function singleFlight(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const run = (): Promise<void> => {
    running = work().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (!running && !next) return run();
    next ??= (running ?? Promise.resolve())
      .catch(() => undefined) // the callers of that run receive the error
      .then(() => {
        next = undefined;
        return run();
      });
    return next;
  };
}
