/**
 * The end by SIGINT or SIGTERM: the first one stops what is being done and lets it tell what it
 * did, the second one ends the program.
 *
 * @module
 */

/** An interruption that may come. */
export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Removes the handlers. */
  readonly end: () => void;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Handles signals from now on. */
export function startInterruption(): Interruption {
  const stop = new AbortController();
  // Without a handler, the next signal ends the program.
  const end = () => {
    for (const name of SIGNALS) Deno.removeSignalListener(name, onSignal);
  };
  const onSignal = () => {
    end();
    stop.abort(new DOMException("interrupted", "AbortError"));
  };
  for (const name of SIGNALS) Deno.addSignalListener(name, onSignal);
  return { signal: stop.signal, end };
}
