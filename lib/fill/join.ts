/**
 * Waiting for all of several pieces of work.
 *
 * @module
 */

/**
 * Waits for all of some work, whatever becomes of it.
 *
 * `Promise.all` rejects at once, and what else is under way goes on unwatched: an object may
 * be half written when a fill says that it has ended.
 *
 * @throws what the first that failed threw, once all have ended
 */
export async function joinAll<Values extends readonly unknown[] | []>(
  works: Values,
): Promise<{ -readonly [At in keyof Values]: Awaited<Values[At]> }> {
  await Promise.allSettled(works);
  return await Promise.all(works);
}
