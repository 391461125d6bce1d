/**
 * `archeio explain`: what a request would get, and why.
 *
 * @module
 */

import { createRouting, type Routing } from "../config/create_routing.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import { type Address, describeNoAddress, tryAddress } from "../net/address.ts";
import { type Asked, parseRequest } from "../oci/request.ts";
import { decide, decideUpstream, type Decision, needsLocation } from "../routing/decide.ts";
import type { Policy, Rule } from "../routing/policy.ts";
import { type Command, EXIT, parseOptions, UsageError } from "./command.ts";
import { CONFIG_HELP, loadConfig } from "./load_config.ts";

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
    ...outcome(decision, asked, rule, policy),
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

function outcome(decision: Decision, asked: Asked, rule: Rule, policy: Policy): Outcome {
  switch (decision.kind) {
    case "redirect": {
      const toPage = asked.kind === "info" || asked.kind === "privacy";
      const { location } = decision;
      return { ...NO_OUTCOME, upstream: toPage ? null : location, redirect: location };
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
      const otherwise = outcome(decideUpstream(blob, rule, policy), asked, rule, policy);
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

function formatExplanation(explained: Explanation): string {
  const { address, location, prefix, asked, rule, mirrors, upstream, signatures } = explained;
  const lines = [
    ["address", address],
    ["location", location === null ? "none" : `${location}, by the prefix ${prefix}`],
    ["asks for", asked.replaceAll("_", " ")],
  ];
  if (rule !== null) lines.push(["rule", `${rule.number}, for ${rule.clients.join(", ")}`]);
  for (const [at, mirror] of mirrors.entries()) {
    lines.push([`mirror ${at + 1}`, `${mirror.name}: ${mirror.location}`]);
  }
  if (upstream !== null) lines.push(["upstream", upstream]);
  if (signatures !== null) lines.push(["signatures", signatures]);
  lines.push(["answer", formatAnswer(explained)]);
  return lines.map(([key, value]) => `${key!.padEnd(12)}${value}\n`).join("");
}

function formatAnswer({ status, mirrors, signatures, redirect, error }: Explanation): string {
  if (error !== null) return `${status} ${error.code}: ${error.message}`;
  if (redirect === null) return String(status);
  const unlessMissing = signatures === null
    ? ""
    : "; to the signature upstream when the upstream does not have it";
  return mirrors.length === 0
    ? `${status} to ${redirect}${unlessMissing}`
    : `${status} to the first mirror that has the blob, else to the upstream${unlessMissing}`;
}

/** The command. */
export const explainCommand: Command = {
  summary: "say what a request would get, and why",
  help: `Usage: archeio explain [--config FILE] [--json] ADDRESS PATH

Says what a request for PATH from the client ADDRESS would get, and why: the location
and the prefix it comes from, the rule, the mirrors in order, the redirect. It asks
nothing of the network, so whether a mirror has a blob is left open.

  archeio explain 35.180.1.1 /v2/pause/manifests/3.9

Options:
${CONFIG_HELP}
  --json         print it as JSON; "redirect" is where the request goes when the first
                 mirror has the blob
`,
  run(args, context) {
    const { text, flags, operands } = parseOptions(args, { text: ["config"], flags: ["json"] });
    const [address, path, ...more] = operands;
    if (address === undefined || path === undefined || more.length > 0) {
      throw new UsageError(`explain takes an ADDRESS and a PATH, not ${operands.length} arguments`);
    }
    if (!path.startsWith("/")) {
      throw new UsageError(`Cannot explain path "${path}": it must begin with a slash`);
    }
    const { config } = loadConfig(text.config, context);
    const client = parseClient(address);
    const explained = explain(client, { address, path }, createRouting(config, EMBEDDED));
    const json = () => JSON.stringify(explained, null, 2) + "\n";
    context.out(flags.json ? json() : formatExplanation(explained));
    return EXIT.well;
  },
};

function parseClient(text: string): Address {
  const address = tryAddress(text);
  if (address === undefined) throw new UsageError(describeNoAddress(text));
  return address;
}
