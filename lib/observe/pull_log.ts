/**
 * The pull log: a JSON line for each pull that is redirected, written apart from the event
 * log. Lines are buffered and passed on in batches.
 *
 * @module
 */

import type { Later } from "../mirrors/time.ts";
import type { MirrorReason, UpstreamReason } from "./numbers.ts";
import type { Pulled } from "../oci/request.ts";
import type { RelayResult } from "./relay_numbers.ts";

/** A pull that was redirected. */
export interface Pull {
  /** What was asked for. */
  readonly asked: Pulled;
  /** The method: GET or HEAD. */
  readonly method: string;
  /** The client's location, or `undefined` without one. */
  readonly location: string | undefined;
  /** The name of the mirror or upstream that the client was sent to. */
  readonly to: string;
  /** Which of the two it is. */
  readonly by: "mirror" | "upstream";
  /** Why. */
  readonly reason: MirrorReason | UpstreamReason;
  /** The client's `User-Agent` header. */
  readonly userAgent: string | null;
  /** What came of relaying it; `undefined` for a redirect. */
  readonly relayed?: RelayResult | undefined;
  /** The id of the request; `undefined` when it has none. */
  readonly id: string | undefined;
  /** The number of the client's network, `null` if unknown; `undefined` when it is not looked for. */
  readonly asn: string | null | undefined;
}

/** Logs pulls. */
export interface PullLog {
  /** Logs a pull. */
  write(pull: Pull): void;
  /** Passes the buffered lines on. */
  flush(): void;
}

/** What a pull log needs. */
export interface PullLogOptions {
  /** Accepts whole lines, as UTF-8; the buffer then belongs to the callee. */
  readonly send: (lines: Uint8Array<ArrayBuffer>) => void;
  /** The time of day in milliseconds since 1970. */
  readonly now: () => number;
  /** Runs timers. */
  readonly later: Later;
}

const FLUSH_MS = 100;
const FLUSH_LENGTH = 64 * 1024;
// The longest text written of values whose length a client chooses.
const LONGEST = 256;

/** Makes a pull log. The time of a line is accurate to 100 ms. */
export function createPullLog({ send, now, later }: PullLogOptions): PullLog {
  const encoder = new TextEncoder();
  let lines = "";
  let time = "";
  let cancel = () => {};
  // There are few different programs that pull.
  const quoteAgent = createKeptQuote();

  function handOn(): void {
    if (lines === "") return;
    const gathered = new Uint8Array(encoder.encode(lines));
    lines = "";
    send(gathered);
  }

  function flush(): void {
    cancel();
    time = "";
    handOn();
  }

  return {
    flush,
    write({ asked, method, location, to, by, reason, relayed, userAgent, id, asn }) {
      if (time === "") {
        time = new Date(now()).toISOString();
        cancel = later(FLUSH_MS, flush);
      }
      const where = location === undefined ? "null" : `"${location}"`;
      const agent = userAgent === null ? "null" : quoteAgent(userAgent);
      const how = relayed === undefined ? "" : `"relayed":"${relayed}",`;
      lines += `{"@timestamp":"${time}","message":"pull","method":"${method}",${
        formatAsked(asked)
      },"location":${where},"${by}":"${to}","reason":"${reason}",${how}"user_agent":${agent}${
        formatTrace(id, asn)
      }}\n`;
      if (lines.length >= FLUSH_LENGTH) handOn();
    },
  };
}

const MOST_KEPT = 1000;

// Caches quoted agents, except long ones; the cache is cleared when it is full.
function createKeptQuote(): (agent: string) => string {
  const kept = new Map<string, string>();
  return (agent) => {
    const held = kept.get(agent);
    if (held !== undefined) return held;
    const quoted = quote(agent);
    if (agent.length > LONGEST) return quoted;
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(agent, quoted);
    return quoted;
  };
}

// Both are checked where they are read: they contain nothing that needs quoting.
function formatTrace(id: string | undefined, asn: string | null | undefined): string {
  const network = asn === undefined ? "" : `,"client_asn":${asn === null ? "null" : `"${asn}"`}`;
  return id === undefined ? network : `,"request_id":"${id}"${network}`;
}

function quote(agent: string): string {
  return JSON.stringify(agent.slice(0, LONGEST));
}

// The OCI grammar, and that of names in a configuration, allow nothing that needs quoting.
function formatAsked(asked: Pulled): string {
  const name = asked.name.slice(0, LONGEST);
  return `"kind":"${kindOf(asked)}","repository":"${name}","reference":${referenceOf(asked)}`;
}

function kindOf({ kind }: Pulled): string {
  return kind === "manifest_by_tag" || kind === "manifest_by_digest" ? "manifest" : kind;
}

function referenceOf(asked: Pulled): string {
  if (asked.kind === "tags") return "null";
  return asked.kind === "manifest_by_tag"
    ? `"${asked.tag}"`
    : `"${asked.digest.slice(0, LONGEST)}"`;
}
