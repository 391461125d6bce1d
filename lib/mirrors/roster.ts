/**
 * The numbers of mirrors and upstreams: their indices in the memory that isolates share. A
 * server that stays configured keeps its number across reloads.
 *
 * @module
 */

/** Assigns numbers to keys. */
export interface Roster {
  /**
   * Assigns a number to each key without one, and keeps the numbers of the others.
   *
   * @throws {RangeError} when there are more keys than numbers
   */
  enter(keys: readonly string[]): ReadonlyMap<string, number>;
  /** Frees the numbers of all other keys. The number that is free for longest is reused first. */
  keep(keys: readonly string[]): void;
}

/**
 * Makes an empty roster.
 *
 * @param size how many numbers there are, from 0
 * @param onReuse called with a number before it is assigned to another key
 */
export function createRoster(size: number, onReuse: (number: number) => void): Roster {
  const numbers = new Map<string, number>();
  const freed: number[] = [];
  let next = 0;

  function take(key: string): number {
    if (next < size) return next++;
    const number = freed.shift();
    if (number === undefined) {
      throw new RangeError(`Cannot number "${key}": all ${size} numbers are in use`);
    }
    onReuse(number);
    return number;
  }

  return {
    enter(keys) {
      for (const key of keys) {
        if (!numbers.has(key)) numbers.set(key, take(key));
      }
      return numbers;
    },
    keep(keys) {
      const kept = new Set(keys);
      for (const [key, number] of numbers) {
        if (kept.has(key)) continue;
        numbers.delete(key);
        freed.push(number);
      }
    },
  };
}
