/**
 * Opening the first listener, and describing why that failed.
 *
 * @module
 */

import type { ListenConfig } from "../config/config_of_listeners.ts";
import { openFamilies } from "./families.ts";
import type { Tls } from "./isolate.ts";

/** The program cannot listen; the cause says why. */
export class ListenError extends Error {
  /** The class's name. */
  override readonly name = "ListenError";
  /** The key of the configuration that says where to listen. */
  readonly key: "listen" | "admin";

  /** Makes an error. */
  constructor(key: "listen" | "admin", cause: unknown) {
    super(`cannot listen at the address of ${key}`, { cause });
    this.key = key;
  }
}

/**
 * Runs a function that listens, and adds the configuration's key to its error.
 *
 * @throws {ListenError} when it throws or rejects
 */
export async function listening<Result>(
  key: "listen" | "admin",
  work: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw new ListenError(key, error);
  }
}

/**
 * Makes sure that no other program uses a port that is about to be shared: one that shares it
 * as well would go unnoticed.
 *
 * @throws {Deno.errors.AddrInUse} when another program uses it
 */
export function claimPort({ host, port }: ListenConfig, shared: boolean): void {
  if (!shared || port === 0) return;
  openFamilies(host, (hostname) => Deno.listen({ hostname, port }).close());
}

/** Whether a port is shared: by several isolates, or by a listener and its successor. */
export function isShared(isolates: number, tls: Tls | undefined): boolean {
  return isolates > 1 || tls !== undefined;
}
