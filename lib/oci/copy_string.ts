/**
 * Copies of strings that are cut out of requests.
 *
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Copies a string that is to be kept. A concatenated string keeps its parts alive, and a
 * substring its parent, and both are slower to compare; a copy holds only its own characters.
 */
export function copyString(text: string): string {
  return decoder.decode(encoder.encode(text));
}
