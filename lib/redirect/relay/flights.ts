/**
 * Work that several requests wait for: it is done once, and ends when nobody waits any more.
 *
 * @module
 */

/** Work in flight, by key. */
export interface Flights<Value> {
  /**
   * Joins the work that is in flight for a key, or starts it.
   *
   * @param signal aborted when the one who waits has left
   * @param work gets a signal that is aborted when all have left
   */
  join(
    key: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Value>,
  ): Promise<Value>;
}

interface Flight<Value> {
  readonly result: Promise<Value>;
  readonly controller: AbortController;
  waiting: number;
}

/** Makes a place for work in flight, with none. */
export function createFlights<Value>(): Flights<Value> {
  const flights = new Map<string, Flight<Value>>();

  function start(key: string, work: (signal: AbortSignal) => Promise<Value>): Flight<Value> {
    const controller = new AbortController();
    const result = work(controller.signal).finally(() => {
      if (flights.get(key)?.controller === controller) flights.delete(key);
    });
    const flight = { result, controller, waiting: 0 };
    flights.set(key, flight);
    return flight;
  }

  return {
    join(key, signal, work) {
      const flight = flights.get(key) ?? start(key, work);
      if (signal?.aborted) return flight.result;
      flight.waiting++;
      signal?.addEventListener("abort", () => {
        if (--flight.waiting > 0) return;
        // Who comes now starts anew.
        if (flights.get(key) === flight) flights.delete(key);
        flight.controller.abort(new DOMException("all clients have left", "AbortError"));
      }, { once: true });
      return flight.result;
    },
  };
}
