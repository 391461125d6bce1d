/**
 * Ports for programs that cannot say which one the system picked for them.
 *
 * @module
 */

/** Ports that were free just now. */
export function findFreePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}

const ATTEMPTS = 3;

/** Starts something on ports that are free, on others when somebody was quicker. */
export async function startOnFreePorts<T>(
  count: number,
  start: (ports: readonly number[]) => Promise<T>,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await start(findFreePorts(count));
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}
