/**
 * The places of probes in flight, in memory that all isolates share: a row for each isolate,
 * written by that isolate alone, with the sum followed by a count for each server.
 *
 * @module
 */

/** The places of all isolates. */
export interface Places {
  /** How many probes of all isolates are in flight. */
  total(): number;
  /** How many of them are for a server, given by its number. */
  of(server: number): number;
  /** Takes a place (1), or releases one (-1). */
  add(server: number, places: 1 | -1): void;
}

/**
 * Makes the memory of all places, none of them taken.
 *
 * @param isolates how many isolates there are
 * @param servers how many servers there are, numbered from 0
 */
export function createPlacesMemory(isolates: number, servers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(isolates * (1 + servers) * Int32Array.BYTES_PER_ELEMENT);
}

/**
 * Makes an isolate's view of the places. Its own row is cleared, because the isolate that it
 * replaces may have died with probes in flight.
 *
 * @param slot the isolate's row, from 0
 * @param servers the number given to {@linkcode createPlacesMemory}
 */
export function createPlaces(memory: SharedArrayBuffer, slot: number, servers: number): Places {
  const counts = new Int32Array(memory);
  const row = 1 + servers;
  const own = slot * row;
  counts.fill(0, own, own + row);

  function sum(column: number): number {
    let all = 0;
    for (let at = column; at < counts.length; at += row) all += counts[at]!;
    return all;
  }

  return {
    total: () => sum(0),
    of: (server) => sum(1 + server),
    add(server, places) {
      counts[own]! += places;
      counts[own + 1 + server]! += places;
    },
  };
}

/** How many places all isolates hold, for a reader without a row of its own. */
export function countPlaces(memory: SharedArrayBuffer, servers: number): number {
  const counts = new Int32Array(memory);
  let all = 0;
  for (let at = 0; at < counts.length; at += 1 + servers) all += counts[at]!;
  return all;
}
