/**
 * Times, as the state of the program has them.
 *
 * @module
 */

/** Formats a time in milliseconds since 1970. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}
