/**
 * Looks at a mirror: what it answers about a blob that nobody has, and about some that are
 * pulled.
 *
 * @module
 */

import { type Answer, judgeProbe } from "../mirrors/answer.ts";
import { createAsker } from "../mirrors/asker.ts";
import { blobUrl, type PulledBlob } from "../mirrors/template.ts";
import type { Mirror } from "../routing/policy.ts";
import type { Ask, Reply, Tools } from "./ask.ts";

/** What was seen of a mirror. */
export interface SeenMirror {
  /** The digest that nobody has. */
  readonly unknown: string;
  /** The answer to a HEAD request for it, as probes send them. */
  readonly head: Reply;
  /** The answer to a GET request for it, whose body may say more. */
  readonly get?: Reply | undefined;
  /** How many blobs were asked for. */
  readonly asked: number;
  /** How many of them it has. */
  readonly had: number;
  /** The answer to a GET request for the first byte of one that it has. */
  readonly firstByte?: Answer | undefined;
}

/** Looks at a mirror. The promise never rejects. */
export type SeeMirror = (mirror: Mirror, sample: readonly PulledBlob[]) => Promise<SeenMirror>;

// A registry lacks every blob of a repository that it does not have.
const SOME_NAME = "archeio/check";

/** Makes a function that looks at mirrors. */
export function createSeeMirror(ask: Ask, tools: Tools): SeeMirror {
  const asker = createAsker(tools);
  return async (mirror, sample) => {
    const digest = `sha256:${randomHex(tools.random)}`;
    const url = blobUrl(mirror, { digest, name: sample[0]?.name ?? SOME_NAME });
    const head = await ask("HEAD", url);
    if (head.kind === "failed" || head.status < 400) {
      return { unknown: digest, head, asked: 0, had: 0 };
    }
    const get = await ask("GET", url);
    const answers = await Promise.all(sample.map(async (blob) => {
      const answer = await asker.headAnew(blobUrl(mirror, blob), tools.timeoutMs);
      return { blob, isThere: judgeProbe(answer, blob.digest) === "found" };
    }));
    const there = answers.filter(({ isThere }) => isThere);
    const firstByte = there[0] === undefined
      ? undefined
      : await asker.firstByte(blobUrl(mirror, there[0].blob), tools.timeoutMs);
    return { unknown: digest, head, get, asked: sample.length, had: there.length, firstByte };
  };
}

function randomHex(random: () => number): string {
  let hex = "";
  while (hex.length < 64) hex += Math.floor(random() * 0x10000).toString(16).padStart(4, "0");
  return hex;
}
