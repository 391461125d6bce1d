/**
 * What a registry's answers mean for filling.
 *
 * @module
 */

import type { RegistryAnswer } from "../registry/registry.ts";
import { failed, failedByStatus, failedForGood, type Failure, readRetryAfter } from "./failure.ts";

/** Answers that are none to what was asked. */
export type Unanswered = Exclude<
  RegistryAnswer,
  { readonly kind: "answered" } | { readonly kind: "missing" }
>;

/** Describes a status, as the registry's client does. */
export function describeStatus(status: number): string {
  return `it answered ${status}`;
}

/** Makes a function that reads the failure in an answer. */
export function createFailureReader(timeOfDay: () => number): (answer: Unanswered) => Failure {
  return (answer) => {
    switch (answer.kind) {
      case "redirect":
        return failedForGood("it redirects what is no blob");
      case "refused":
        return failedForGood(
          answer.by === "registry" ? "it refuses access" : "its token service gives no token",
        );
      case "slow_down":
        return failed(
          "it asks for fewer requests (429)",
          readRetryAfter(answer.retryAfter ?? null, timeOfDay()),
        );
      case "failed": {
        const { reason, status, retryAfter, fault } = answer;
        if (fault === "credentials") return failedForGood(reason);
        if (status === undefined) return failed(reason);
        const headers = new Headers(retryAfter === undefined ? {} : { "retry-after": retryAfter });
        return failedByStatus({ status, headers }, reason, timeOfDay());
      }
    }
  };
}
