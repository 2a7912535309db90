/**
 * Makes work that is asked for often run once at a time: who asks while it runs shares the one run that comes after it.
 * Each caller's promise settles with a run that began after it had asked.
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
      .catch(() => undefined) // told to those who asked for that run
      .then(() => {
        next = undefined;
        return run();
      });
    return next;
  };
}
