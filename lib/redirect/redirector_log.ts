/**
 * What a redirector tells its isolate.
 *
 * @module
 */

import type { CountedMiss } from "../observe/misses.ts";
import type { SeenHost } from "./seen_hosts.ts";

/** Notified of events in a redirector. */
export interface RedirectorLog {
  /** Called when another server gave no answer for `url`. */
  readonly onUnanswered: (url: string, reason: string) => void;
  /** Called when a pull is served from memory only because its upstream fails. */
  readonly onStale: (upstream: string, reason: string) => void;
  /** Called with the number of a mirror that may have failed and should be checked. */
  readonly onSuspect: (mirror: number) => void;
  /** Called with the key of a blob that a mirror, given by its number, has, for use in checks. */
  readonly onSample: (mirror: number, key: string) => void;
  /** Called when a mirror had none of several blobs in a row; `answer` is its last. */
  readonly onNothingFound: (mirror: string, blobs: number, answer: string) => void;
  /** Called when a relaying upstream sends a client to a host for the first time. */
  readonly onRedirectHost?: ((seen: SeenHost) => void) | undefined;
  /** Called when a request is refused because its client address cannot be read. */
  readonly onNoAddress: (reason: string) => void;
  /** Called now and then with what mirrors lacked. */
  readonly onMisses: (misses: readonly CountedMiss[]) => void;
}
