/**
 * What an upstream's answer means for what is remembered of it.
 *
 * @module
 */

import type { Pulled } from "../../oci/request.ts";
import { BUSY, failed, type Failure, type Outcome } from "./outcome.ts";
import type { RelayBounds } from "./relay_bounds.ts";
import type { RelayMemory } from "./relay_memory.ts";
import type { Rank } from "./shares.ts";
import type { Source, SourceAnswer } from "./source.ts";

/** What judging needs. */
export interface JudgeOptions {
  /** What is remembered. */
  readonly memory: () => RelayMemory;
  /** The limits in use. */
  readonly bounds: () => RelayBounds;
  /** The time in milliseconds, of any monotonic clock. */
  readonly now: () => number;
}

/** An answer without what was asked for. */
export type Empty = Exclude<SourceAnswer, { readonly kind: "answered" | "redirect" }>;

/** Judges answers. */
export interface Judge {
  /** What an answer without what was asked for means; a missing thing is remembered. */
  judge(source: Source, asked: Pulled, answer: Empty): Exclude<Outcome, { kind: "manifest" }>;
  /** Whether it is remembered that something is missing. */
  isMissing(source: Source, asked: Pulled): boolean;
  /** How much is known of what is asked for. */
  rankOf(source: Source, asked: Pulled, isKnown: boolean): Rank;
  /** Takes note that an upstream has something of a repository. */
  noteAnswered(source: Source, asked: Pulled): void;
}

/** The key of what is asked for in what is remembered. */
export function keyOf({ identity }: Source, asked: Pulled): string {
  return `${identity} ${asked.name} ${asked.kind} ${referenceOf(asked)}`;
}

function referenceOf(asked: Pulled): string {
  switch (asked.kind) {
    case "manifest_by_tag":
      return asked.tag;
    case "tags":
      return "";
    default:
      return asked.digest;
  }
}

/** Makes a judge. */
export function createJudge({ memory, bounds, now }: JudgeOptions): Judge {
  const repositoryOf = ({ identity }: Source, { name }: Pulled) => `${identity} ${name}`;

  function hasAnsweredLately(source: Source, asked: Pulled): boolean {
    const atMs = memory().answeredMs(repositoryOf(source, asked));
    return atMs !== undefined && now() - atMs <= bounds().staleMs;
  }

  function refuse(
    source: Source,
    asked: Pulled,
    by: "registry" | "token_service",
  ): { readonly kind: "missing" } | Failure {
    // What everybody saw lately has not ceased to be there for want of a token.
    if (hasAnsweredLately(source, asked)) {
      return failed("refused", "it refuses what it has shown lately");
    }
    // Without its signature, an image may pass for one that has none.
    if (by === "token_service" && isOfSignatures(asked)) {
      return failed("token", "its token service gives no token");
    }
    memory().addMissing(keyOf(source, asked));
    return { kind: "missing" };
  }

  return {
    judge(source, asked, answer) {
      switch (answer.kind) {
        case "missing":
          memory().addMissing(keyOf(source, asked));
          return answer;
        case "refused":
          return refuse(source, asked, answer.by);
        case "slow_down":
          return answer;
        case "busy":
          return BUSY;
        case "failed":
          return failed(answer.fault === "registry" ? "upstream" : answer.fault, answer.reason);
      }
    },
    isMissing: (source, asked) => memory().isMissing(keyOf(source, asked)),
    rankOf(source, asked, isKnown) {
      const isAnswered = memory().answeredMs(keyOf(source, asked)) !== undefined;
      if (isKnown || isAnswered) return "known";
      return memory().answeredMs(repositoryOf(source, asked)) === undefined
        ? "new_name"
        : "new_reference";
    },
    noteAnswered(source, asked) {
      memory().noteAnswered(repositoryOf(source, asked));
      // A blob is asked for by all who pull its image. Manifests are remembered themselves.
      if (asked.kind === "blob") memory().noteAnswered(keyOf(source, asked));
    },
  };
}

function isOfSignatures(asked: Pulled): boolean {
  return asked.kind === "referrers" || asked.kind === "manifest_by_tag" && asked.signature;
}
