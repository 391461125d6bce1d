/**
 * The event log of a server, which also counts events and keeps the last ones.
 *
 * @module
 */

import type { Events } from "../observe/events.ts";
import type { EventKind, Journal } from "../observe/journal.ts";
import type { MirrorStates } from "../observe/mirror_states.ts";
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

/** What a recording log records in. */
export interface Recording {
  /** Counts events. */
  readonly events: Events;
  /** Keeps the last events. */
  readonly journal: Journal;
  /** Keeps the states of mirrors. */
  readonly states: MirrorStates;
}

/** Makes a log that also counts events, and keeps the last ones. */
export function createRecordingLog(log: ServerLog, recording: Recording): ServerLog {
  const { events, journal } = recording;
  const keep = (kind: EventKind, text: string, subject: string | null = null) =>
    journal.add({ kind, subject, text });
  return {
    ...log,
    ...recordMirrors(log, recording),
    ...recordChanges(log, keep),
    onListening(address, so) {
      keep("started", "The program accepts requests.");
      log.onListening(address, so);
    },
    onStopping(signal) {
      keep("stopping", `The program drains after ${signal}.`);
      log.onStopping(signal);
    },
    onIsolateReplaced(reason) {
      events.replacedIsolates++;
      keep("isolate_replaced", `An isolate is replaced: ${reason}.`);
      log.onIsolateReplaced(reason);
    },
    onFailed(error) {
      keep("error", `An unexpected error: ${error instanceof Error ? error.message : error}.`);
      log.onFailed(error);
    },
  };
}

function recordMirrors(
  log: ServerLog,
  { events, journal, states }: Recording,
): Pick<ServerLog, "onDown" | "onUp" | "onLost" | "onForgotten" | "onNothingFound"> {
  const keep = (kind: EventKind, subject: string, text: string) =>
    journal.add({ kind, subject, text });
  return {
    onDown(mirror, reason) {
      events.mirrorsDown++;
      states.down(mirror, reason);
      keep("mirror_down", mirror.name, `Mirror ${mirror.name} is down: ${reason}.`);
      log.onDown(mirror, reason);
    },
    onUp(mirror, downMs) {
      events.mirrorsUp++;
      states.up(mirror);
      const seconds = Math.round(downMs / 100) / 10;
      keep("mirror_up", mirror.name, `Mirror ${mirror.name} is up after ${seconds} s.`);
      log.onUp(mirror, downMs);
    },
    onLost(mirror, digest) {
      keep("blobs_lost", mirror.name, `Mirror ${mirror.name} has lost a blob, last ${digest}.`);
      log.onLost(mirror, digest);
    },
    onForgotten(mirror, lost) {
      const text = `Mirror ${mirror.name} has lost ${lost.length} of the blobs that it had: ` +
        "all that was remembered of it is invalidated.";
      keep("mirror_invalidated", mirror.name, text);
      log.onForgotten(mirror, lost);
    },
    onNothingFound(mirror, blobs, answer) {
      const text = `Mirror ${mirror} had none of the last ${blobs} blobs; last answer: ${answer}.`;
      keep("nothing_found", mirror, text);
      log.onNothingFound(mirror, blobs, answer);
    },
  };
}

function recordChanges(
  log: ServerLog,
  keep: (kind: EventKind, text: string) => void,
): Omit<ChangesLog, "onFailed"> {
  return {
    onReloaded(config, later) {
      const restart = later.length === 0 ? "" : ` These need a restart: ${later.join(", ")}.`;
      keep("configuration_reloaded", `The configuration was read again.${restart}`);
      log.onReloaded(config, later);
    },
    onReloadRefused(reason) {
      keep("reload_refused", `The old configuration stays: ${reason}`);
      log.onReloadRefused(reason);
    },
    onCertified() {
      keep("certificate_renewed", "Another certificate is in use.");
      log.onCertified();
    },
    onCertificateRefused(reason) {
      keep("certificate_refused", "The new certificate cannot be used; the old one stays.");
      log.onCertificateRefused(reason);
    },
    onRefreshed(changes) {
      const providers = changes.map(({ provider, added, removed }) =>
        `${provider} +${added.length} −${removed.length}`
      );
      keep("data_refreshed", `The prefixes were refreshed: ${providers.join(", ")}.`);
      log.onRefreshed(changes);
    },
    onRefreshFailed(reasons) {
      keep("refresh_failed", `The old prefixes stay: ${reasons.join("; ")}.`);
      log.onRefreshFailed(reasons);
    },
  };
}
