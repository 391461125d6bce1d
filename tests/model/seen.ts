/**
 * What is seen of servers from outside, whatever the program makes of it.
 *
 * @module
 */

import { delivers, isHealthy, type Mode, type ModelServer } from "./network.ts";
import type { ModelIsolate } from "./world.ts";

/** What is seen of a server. */
export interface Seen {
  /** Since when it has answered as it does now. */
  changedMs: number;
  /** For how long it worked before that. */
  workedMs: number;
  /** Since when it delivers nothing to anybody, or `undefined`. */
  deadSinceMs: number | undefined;
  /** When a client was first sent there since, or since it has changed how it fails. */
  firstWrongMs: number | undefined;
  /** Whether it ever said that it has what it does not have. */
  lied: boolean;
  /** Blobs that it has lost alone. */
  readonly lost: Map<string, Lost>;
}

/** A blob that a server has lost. */
export interface Lost {
  readonly sinceMs: number;
  /** When an isolate was first asked for it after the recheck. */
  readonly askedMs: Map<ModelIsolate, number>;
}

/** Watches servers. */
export interface SeenServers {
  /** What is seen of a server. */
  of(server: ModelServer): Seen;
  /** Changes a server. */
  change(server: ModelServer, work: (server: ModelServer) => void): void;
}

/** Watches servers from now on. */
export function createSeenServers(now: () => number): SeenServers {
  const all = new Map<string, Seen>();

  function of({ origin }: ModelServer): Seen {
    const before = all.get(origin);
    if (before !== undefined) return before;
    const seen: Seen = {
      changedMs: now(),
      workedMs: 0,
      deadSinceMs: undefined,
      firstWrongMs: undefined,
      lied: false,
      lost: new Map(),
    };
    all.set(origin, seen);
    return seen;
  }

  return {
    of,
    change(server, work) {
      const seen = of(server);
      const worked = server.mode.kind === "works" && isHealthy(server);
      const readable = readableOf(server);
      work(server);
      seen.workedMs = worked ? now() - seen.changedMs : 0;
      seen.changedMs = now();
      seen.lied ||= isLie(server.mode);
      const left = readableOf(server);
      for (const digest of readable) {
        if (!left.has(digest)) seen.lost.set(digest, { sinceMs: now(), askedMs: new Map() });
      }
      for (const digest of left) seen.lost.delete(digest);
      const isDead = !server.blobs.keys().some((digest) => delivers(server, digest));
      seen.deadSinceMs = isDead ? seen.deadSinceMs ?? now() : undefined;
      // Each kind of failure is to be noticed anew: a mirror that had nothing may begin to say
      // that it has all.
      seen.firstWrongMs = undefined;
    },
  };
}

function readableOf({ blobs }: ModelServer): Set<string> {
  return new Set(blobs.entries().filter(([, copy]) => copy === "whole").map(([digest]) => digest));
}

function isLie({ kind }: Mode): boolean {
  return kind === "has_all" || kind === "empty_all";
}
