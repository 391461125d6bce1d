/**
 * The event log of a server, which also counts events.
 *
 * @module
 */

import type { Events } from "../observe/events.ts";
import type { Mirror } from "../routing/policy.ts";
import type { ChangesLog } from "./changes.ts";

/** Notified of the events of a server. */
export interface ServerLog extends ChangesLog {
  /** Called once it accepts requests and handles signals. */
  readonly onListening: (address: Deno.NetAddr, so: Listening) => void;
  /** Called when a signal makes it drain. */
  readonly onStopping: (signal: string) => void;
  /** Called when an isolate died or did not respond, and is replaced. */
  readonly onIsolateReplaced: (reason: string) => void;
  /** Called when a mirror or an upstream gave no answer. */
  readonly onUnanswered: (url: string, reason: string) => void;
  /** Called when a pull is served from memory only because its upstream fails. */
  readonly onStale: (upstream: string, reason: string) => void;
  /** Called when a request is refused because its client address cannot be read. */
  readonly onNoAddress: (reason: string) => void;
  /** Called when a mirror goes down; `reason` is a few words. */
  readonly onDown: (mirror: Mirror, reason: string) => void;
  /** Called when a mirror is up again, after `downMs` milliseconds. */
  readonly onUp: (mirror: Mirror, downMs: number) => void;
  /** Called when a mirror no longer has a blob that it had. */
  readonly onLost: (mirror: Mirror, digest: string) => void;
  /** Called when a mirror lost several blobs, so everything cached for it was invalidated. */
  readonly onForgotten: (mirror: Mirror, lost: readonly string[]) => void;
  /** Called when a mirror had none of several blobs in a row; `answer` is its last. */
  readonly onNothingFound: (mirror: string, blobs: number, answer: string) => void;
}

/** The properties of a server that listens. */
export interface Listening {
  /** The address of the admin listener. */
  readonly admin: Deno.NetAddr | undefined;
  /** How many isolates serve. */
  readonly isolates: number;
}

/** Makes a log that also counts events. */
export function createCountingLog(log: ServerLog, events: Events): ServerLog {
  return {
    ...log,
    onDown(mirror, reason) {
      events.mirrorsDown++;
      log.onDown(mirror, reason);
    },
    onUp(mirror, downMs) {
      events.mirrorsUp++;
      log.onUp(mirror, downMs);
    },
    onIsolateReplaced(reason) {
      events.replacedIsolates++;
      log.onIsolateReplaced(reason);
    },
  };
}
