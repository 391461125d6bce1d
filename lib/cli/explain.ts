/**
 * `archeio explain`: how a request would be answered, and why.
 *
 * @module
 */

import { createRouting } from "../redirect/create_routing.ts";
import { createNumbering } from "../redirect/setup.ts";
import { explain, type Explanation } from "../redirect/explain.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import { type Address, describeNoAddress, tryAddress } from "../net/address.ts";
import { type Command, EXIT, parseOptions, UsageError } from "./command.ts";
import { CONFIG_HELP, loadConfig } from "./load_config.ts";

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
  summary: "explain how a request would be answered",
  help: `Usage: archeio explain [--config FILE] [--json] ADDRESS PATH

Explains how a request for PATH from the client ADDRESS would be answered: the location
and the prefix that determines it, the rule, the mirrors in order, the redirect. It sends
no requests, so whether a mirror has a blob is left open.

  archeio explain 35.180.1.1 /v2/pause/manifests/3.9

Options:
${CONFIG_HELP}
  --json         print JSON; "redirect" assumes that the first mirror has the blob
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
    const explained = explain(
      client,
      { address, path },
      createRouting({ config, ...createNumbering().enter(config) }, EMBEDDED),
    );
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
