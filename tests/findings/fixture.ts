/** What the tests of this room share: servers that answer as they are told, and what is found. */

import { findAll } from "../../lib/findings/find_all.ts";
import type { Finding } from "../../lib/findings/finding.ts";
import { createPlan } from "../../lib/findings/plan.ts";
import type { Credentials } from "../../lib/registry/server.ts";
import { configOf } from "../config/fixture.ts";
import { untilAborted } from "../mirrors/fake_servers.ts";
import { createVirtualClock } from "../mirrors/virtual_clock.ts";

/** What a server does with a request. */
export type Reply =
  | number
  | "hangs"
  | "refuses"
  | {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };

/** Answers requests, such as `GET https://registry.example/v2/`. */
export type Answer = (question: string, headers: Headers) => Reply | undefined;

/** Why a connection fails, as the platform tells it. */
export const REFUSED = "Connection refused (os error 111)";

/** How to look. */
export interface Looking {
  readonly credentials?: Readonly<Record<string, Credentials>>;
  readonly names?: readonly string[];
  /** When the time for all is over, in milliseconds. */
  readonly limitMs?: number;
}

const TIMEOUT_MS = 5000;

/** What is found out about a configuration, and what was asked for that. */
export async function look(config: string, answer: Answer, how: Looking = {}) {
  const clock = createVirtualClock(1_000_000);
  const asked: string[] = [];
  const send: typeof fetch = async (input, init?: RequestInit) => {
    const { method, url, headers } = new Request(input, { ...init, signal: null });
    const question = `${method} ${url}`;
    asked.push(question);
    const reply = answer(question, headers) ?? 404;
    if (reply === "hangs") return await untilAborted(init!.signal!);
    if (reply === "refuses") {
      const reason = `error sending request for url (${url}): ${REFUSED}`;
      throw new TypeError("error sending request", { cause: new Error(reason) });
    }
    if (typeof reply === "number") return new Response(null, { status: reply });
    const { status = 200, headers: sent = {}, body = "" } = reply;
    return new Response(method === "HEAD" ? null : body, { status, headers: sent });
  };
  const stop = new AbortController();
  if (how.limitMs !== undefined) clock.later(how.limitMs, () => stop.abort());
  let findings: Finding[] | undefined;
  const done = findAll(createPlan(configOf(config), how.credentials, how.names), {
    fetch: send,
    fetchAnew: send,
    later: clock.later,
    now: clock.now,
    random: () => 0.5,
    timeoutMs: TIMEOUT_MS,
    stop: stop.signal,
  }).then((found) => void (findings = found));
  // Bodies are read and digests compared on the platform's own time.
  while (findings === undefined) {
    await new Promise((resolve) => setTimeout(resolve));
    if (clock.waiting > 0 && asked.length > 0) await clock.pass(100);
  }
  await done;
  return { findings, asked };
}

/** An answer with JSON in it. */
export function json(value: unknown, headers: Record<string, string> = {}): Reply {
  return {
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(value),
  };
}
