/**
 * Handling of signals.
 *
 * @module
 */

/** What signals cause. */
export interface SignalHandlers {
  /** Stops the program. */
  readonly onStop: (signal: Deno.Signal) => void;
  /** Reads the configuration again. */
  readonly onReload: () => void;
}

/**
 * Makes SIGINT and SIGTERM stop the program, and SIGHUP reload. A second signal to stop, such
 * as from a shell and a supervisor together, does not interrupt pulls.
 *
 * @returns a function that removes the handlers
 */
export function onSignals({ onStop, onReload }: SignalHandlers): () => void {
  let stopping = false;
  const stop = (signal: Deno.Signal) => () => {
    if (stopping) return;
    stopping = true;
    onStop(signal);
  };
  const listeners = [
    ["SIGINT", stop("SIGINT")],
    ["SIGTERM", stop("SIGTERM")],
    ["SIGHUP", () => stopping || onReload()],
  ] as const;
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
}
