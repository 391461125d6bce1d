/**
 * The last events of the program, for operators. Requests add nothing to it, so no client can
 * push out what matters.
 *
 * @module
 */

/** How many events are kept. */
export const MAX_EVENTS = 100;

/** The kinds of events. */
export const EVENT_KINDS = [
  "started",
  "stopping",
  "mirror_down",
  "mirror_up",
  "blobs_lost",
  "mirror_invalidated",
  "nothing_found",
  "configuration_reloaded",
  "reload_refused",
  "certificate_renewed",
  "certificate_refused",
  "data_refreshed",
  "refresh_failed",
  "isolate_replaced",
  "error",
] as const;

/** The kind of an event. */
export type EventKind = typeof EVENT_KINDS[number];

/** An event. */
export interface JournalEvent {
  /** When it happened last, in milliseconds since 1970. */
  readonly atMs: number;
  /** What happened. */
  readonly kind: EventKind;
  /** What it happened to: the name of a mirror; `null` for the program. */
  readonly subject: string | null;
  /** A sentence about it. */
  readonly text: string;
  /** How often it happened within a while. */
  readonly count: number;
}

/** Keeps the last events. */
export interface Journal {
  /** Adds an event. */
  add(event: Omit<JournalEvent, "atMs" | "count">): void;
  /** The events, the last first. */
  list(): readonly JournalEvent[];
}

// The text of an event may come from another server.
const LONGEST_TEXT = 500;
const REPEATED_MS = 600_000;

// A mirror that loses thousands of blobs, or an error at each request, is one event.
const REPEATABLE: readonly EventKind[] = ["blobs_lost", "error", "refresh_failed"];

/** Makes an empty journal. */
export function createJournal(timeOfDay: () => number): Journal {
  let events: JournalEvent[] = [];

  function tryRepeated({ kind, subject }: Pick<JournalEvent, "kind" | "subject">, atMs: number) {
    if (!REPEATABLE.includes(kind)) return undefined;
    return events.find((event) =>
      event.kind === kind && event.subject === subject && atMs - event.atMs < REPEATED_MS
    );
  }

  return {
    add({ kind, subject, text }) {
      const atMs = timeOfDay();
      const before = tryRepeated({ kind, subject }, atMs);
      const count = (before?.count ?? 0) + 1;
      const event = { atMs, kind, subject, text: shorten(text), count };
      events = [event, ...events.filter((one) => one !== before)].slice(0, MAX_EVENTS);
    },
    list: () => events,
  };
}

function shorten(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`;
}
