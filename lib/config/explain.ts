/**
 * What a request would get, and why.
 *
 * @module
 */

import type { Address } from "../net/address.ts";
import { parseRequest } from "../oci/request.ts";
import { decide, decideUpstream, type Decision, needsLocation } from "../routing/decide.ts";
import type { Policy, Rule } from "../routing/policy.ts";
import type { Routing } from "./create_routing.ts";

/** What a request would get, and why. `null` stands for what there is not. */
export interface Explanation {
  /** The client's address, as it was given. */
  readonly address: string;
  /** The path, as it was given. */
  readonly path: string;
  /** What is asked for: the `kind` of a request. */
  readonly asked: string;
  /** The client's location, `<cloud>/<region>`. */
  readonly location: string | null;
  /** The prefix that the location comes from. */
  readonly prefix: string | null;
  /** The rule, by its place in the configuration, 1 for the first. */
  readonly rule: { readonly number: number; readonly clients: readonly string[] } | null;
  /** The mirrors that are asked, in order, and where the blob would be there. */
  readonly mirrors: readonly { readonly name: string; readonly location: string }[];
  /** Where the request goes when no mirror has the blob, and when it is for no blob. */
  readonly upstream: string | null;
  /** Where it goes instead when the upstream does not have what is asked for. */
  readonly signatures: string | null;
  /** The status of the answer. */
  readonly status: number;
  /** The redirect, when the first mirror has the blob. */
  readonly redirect: string | null;
  /** What is wrong with the request. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Explains a request of a client. */
export function explain(
  client: Address,
  { address, path }: { readonly address: string; readonly path: string },
  { locator, policy }: Routing,
): Explanation {
  const found = locator.explain(client);
  const rule = policy.ruleFor(locator.locate(client));
  const asked = parseRequest("GET", path);
  const decision = decide(asked, rule, policy);
  return {
    address,
    path,
    asked: asked.kind,
    location: found?.location ?? null,
    prefix: found?.prefix ?? null,
    rule: rule.number > 0 && needsLocation(asked, policy)
      ? { number: rule.number, clients: rule.clients }
      : null,
    ...outcome(decision, rule, policy),
  };
}

type Outcome = Pick<
  Explanation,
  "mirrors" | "upstream" | "signatures" | "status" | "redirect" | "error"
>;

const NO_OUTCOME: Outcome = {
  mirrors: [],
  upstream: null,
  signatures: null,
  status: 307,
  redirect: null,
  error: null,
};

function outcome(decision: Decision, rule: Rule, policy: Policy): Outcome {
  switch (decision.kind) {
    case "page":
      return { ...NO_OUTCOME, redirect: decision.location };
    case "redirect": {
      const { location } = decision;
      return { ...NO_OUTCOME, upstream: location, redirect: location };
    }
    case "ask_upstream": {
      const { location, signatures } = decision;
      return { ...NO_OUTCOME, upstream: location, signatures, redirect: location };
    }
    case "find_blob": {
      const { blob } = decision;
      const mirrors = decision.mirrors.map(({ name, url }) => ({
        name,
        location: `${url}/${blob.digest}`,
      }));
      const otherwise = outcome(decideUpstream(blob, rule, policy), rule, policy);
      return { ...otherwise, mirrors, redirect: mirrors[0]!.location };
    }
    case "version":
      return { ...NO_OUTCOME, status: 200 };
    case "error": {
      const { code, message } = decision.error;
      return { ...NO_OUTCOME, status: decision.status, error: { code, message } };
    }
  }
}
