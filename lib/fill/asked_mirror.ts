/**
 * A mirror without a store: it is asked by HEAD which blobs it has, as clients' probes do.
 *
 * @module
 */

import { describeAnswer, judgeProbe } from "../mirrors/answer.ts";
import type { Asker } from "../mirrors/asker.ts";
import { blobUrl } from "../mirrors/template.ts";
import type { Mirror } from "../routing/policy.ts";
import { failed } from "./failure.ts";
import type { Limits } from "./limits.ts";
import type { PlannedBlob } from "./plan.ts";
import type { Listed } from "./source.ts";

/** A mirror without a store. */
export interface AskedMirror {
  /** Asks for a blob; gives its size, if the mirror tells one. */
  ask(blob: PlannedBlob, signal: AbortSignal): Promise<Listed<number | undefined>>;
}

/** What asking needs. */
export interface AskedMirrorOptions {
  /** The mirror. */
  readonly mirror: Mirror;
  /** Sends HEAD requests. */
  readonly asker: Pick<Asker, "head">;
  /** The limits. */
  readonly limits: Limits;
}

const TIMEOUT_MS = 30_000;

/** Makes a mirror that is asked. */
export function createAskedMirror({ mirror, asker, limits }: AskedMirrorOptions): AskedMirror {
  const { host } = new URL(mirror.url.replace(/\{.*/, ""));
  return {
    async ask({ digest, origins }, signal) {
      const leave = await limits.enter([host], signal);
      try {
        await limits.turn(host, signal);
        const url = blobUrl(mirror, { digest, name: origins[0]!.name });
        const answer = await asker.head(url, TIMEOUT_MS);
        const verdict = judgeProbe(answer, digest);
        if (verdict === "missing") return { kind: "missing" };
        if (verdict === "found" && answer.kind === "answered") {
          return { kind: "found", value: answer.length };
        }
        const { retryAfterMs } = answer.kind === "answered" ? answer : { retryAfterMs: undefined };
        if (retryAfterMs !== undefined) limits.pause(host, retryAfterMs);
        return failed(describeAnswer(answer), retryAfterMs);
      } finally {
        leave();
      }
    },
  };
}
