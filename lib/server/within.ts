/**
 * Waiting that has an end.
 *
 * @module
 */

/**
 * Waits for some work, but for no more than so many milliseconds.
 *
 * @returns whether the work came to its end
 */
export async function within(ms: number, work: Promise<void> | undefined): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  try {
    return await Promise.race([Promise.resolve(work).then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
