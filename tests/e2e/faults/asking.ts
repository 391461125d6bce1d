/**
 * Clients that ask archeio, by Deno's `fetch`, and how long each answer took.
 *
 * @module
 */

import { nextFromParis } from "./pulls.ts";

/** Answers, gathered. */
export interface Answers {
  /** How many there were, by status and where to: `307 http://127.0.0.1:1234`. */
  readonly counts: Map<string, number>;
  /** How long each took, in milliseconds. */
  readonly tookMs: number[];
}

/** Makes an empty gathering. */
export function createAnswers(): Answers {
  return { counts: new Map(), tookMs: [] };
}

/** Asks for a path, as a client that has asked for nothing before, and gathers the answer. */
export async function ask(url: string, path: string, answers: Answers): Promise<void> {
  const askedAt = performance.now();
  const response = await fetch(url + path, { redirect: "manual", headers: nextFromParis() });
  await response.body?.cancel();
  answers.tookMs.push(performance.now() - askedAt);
  const location = response.headers.get("location");
  const key = `${response.status}${location === null ? "" : ` ${new URL(location).origin}`}`;
  answers.counts.set(key, (answers.counts.get(key) ?? 0) + 1);
}

/** Has `clients` clients ask for one path after another until there are no more. */
export async function askAll(
  url: string,
  paths: Iterable<string>,
  { clients, answers }: { readonly clients: number; readonly answers: Answers },
): Promise<void> {
  const left = paths[Symbol.iterator]();
  async function client(): Promise<void> {
    for (let next = left.next(); !next.done; next = left.next()) {
      await ask(url, next.value, answers);
    }
  }
  await Promise.all(Array.from({ length: clients }, client));
}

/** The time within which 99 of 100 answers came, in milliseconds. */
export function p99({ tookMs }: Answers): number {
  const sorted = tookMs.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)]!;
}

/** The path of a blob that has a number. */
export function blobPath(number: number, kind = 0): string {
  return `/v2/app/blobs/sha256:${kind.toString(16)}${number.toString(16).padStart(63, "0")}`;
}
