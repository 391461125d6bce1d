/**
 * Signals.
 *
 * @module
 */

/** What signals have done. */
export interface SignalHandlers {
  /** To end; gives a function that undoes what is still to come of it. */
  readonly stop: (signal: Deno.Signal) => () => void;
  /** To read the configuration again. */
  readonly reload: () => void;
}

/**
 * Has SIGINT and SIGTERM stop, and SIGHUP reload. A second signal to end, as from a shell
 * and a supervisor at once, cuts off no pull.
 *
 * @returns a function that undoes all of it
 */
export function onSignals({ stop, reload }: SignalHandlers): () => void {
  let undo: (() => void) | undefined;
  const listeners = [
    ["SIGINT", () => void (undo ??= stop("SIGINT"))],
    ["SIGTERM", () => void (undo ??= stop("SIGTERM"))],
    ["SIGHUP", () => undo === undefined && reload()],
  ] as const;
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return () => {
    undo?.();
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  };
}
