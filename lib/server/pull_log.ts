/**
 * The pull log: a JSON line for each pull that is sent on, told apart from events by
 * where it goes. Lines are gathered, and handed on many at a time.
 *
 * @module
 */

import type { Asked } from "../oci/request.ts";

/** What is pulled: what has a repository. */
export type Pulled = Extract<Asked, { readonly name: string }>;

/** A pull that was sent on. */
export interface Pull {
  /** What was asked for. */
  readonly asked: Pulled;
  /** How: GET or HEAD. */
  readonly method: string;
  /** The client's location, or `undefined` when it has none. */
  readonly location: string | undefined;
  /** The mirror or the upstream that the client was sent to, by its name. */
  readonly to: string;
  /** Which of the two. */
  readonly by: "mirror" | "upstream";
  /** What the client says that it is. */
  readonly userAgent: string | null;
}

/** Writes pulls down. */
export interface PullLog {
  /** Writes one. */
  write(pull: Pull): void;
  /** Hands on what has been gathered. */
  flush(): void;
}

/** What a pull log needs. */
export interface PullLogOptions {
  /** Takes whole lines, as UTF-8; they are the taker's own. */
  readonly send: (lines: Uint8Array<ArrayBuffer>) => void;
  /** The time of day in milliseconds since 1970. */
  readonly now: () => number;
  /** Calls back after some milliseconds. */
  readonly later: (work: () => void, ms: number) => void;
}

const FLUSH_MS = 100;
const FLUSH_LENGTH = 64 * 1024;
// Of what a client may make as long as it likes, so much is written.
const LONGEST = 256;

/** Makes a pull log. A line's time is right to a tenth of a second. */
export function createPullLog({ send, now, later }: PullLogOptions): PullLog {
  const encoder = new TextEncoder();
  let lines = "";
  let time = "";
  // The same is pulled, and by the same clients, again and again.
  const quoteAgent = createKeptQuote();
  const describe = createKeptDescription();

  function flush(): void {
    if (lines === "") return;
    const gathered = new Uint8Array(encoder.encode(lines));
    lines = "";
    send(gathered);
  }

  function endOfTime(): void {
    time = "";
    flush();
  }

  return {
    flush,
    write({ asked, method, location, to, by, userAgent }) {
      if (time === "") {
        time = new Date(now()).toISOString();
        later(endOfTime, FLUSH_MS);
      }
      const where = location === undefined ? "null" : `"${location}"`;
      const agent = userAgent === null ? "null" : quoteAgent(userAgent);
      lines += `{"@timestamp":"${time}","message":"pull","method":"${method}",${
        describe(asked)
      },"location":${where},"${by}":"${to}","user_agent":${agent}}\n`;
      if (lines.length >= FLUSH_LENGTH) flush();
    },
  };
}

const MOST_KEPT = 1000;

// Keeps the agents that it has quoted, but for the long ones; when they are too many, all go.
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

// What is asked for may hold a request target of any length. So its description goes with
// it, and whoever reads targets has the bound.
function createKeptDescription(): (asked: Pulled) => string {
  const kept = new WeakMap<Pulled, string>();
  return (asked) => {
    const held = kept.get(asked);
    if (held !== undefined) return held;
    const description = formatAsked(asked);
    kept.set(asked, description);
    return description;
  };
}

function quote(agent: string): string {
  return JSON.stringify(agent.slice(0, LONGEST));
}

// The OCI grammar, like that of names in a configuration, leaves nothing to quote.
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
