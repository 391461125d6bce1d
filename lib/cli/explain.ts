/**
 * `archeio explain`: how a request would be answered, and why.
 *
 * @module
 */

import { imagePath } from "../oci/image.ts";
import { createRouting } from "../redirect/create_routing.ts";
import { createNumbering } from "../redirect/setup.ts";
import { explain, type ExplainedRepository, type Explanation } from "../redirect/explain.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import { type Address, describeNoAddress, tryAddress } from "../net/address.ts";
import { type Command, EXIT, parseOptions, UsageError } from "./command.ts";
import { CONFIG_HELP, loadConfig } from "./load_config.ts";

function formatExplanation(explained: Explanation): string {
  const { address, path, location, prefix, asked, rule, mirrors, upstream, signatures } = explained;
  const lines = [
    ["address", address],
    ["location", location === null ? "none" : `${location}, by the prefix ${prefix}`],
    ["asks for", `${asked.replaceAll("_", " ")}: ${path}`],
  ];
  if (explained.repository !== null) {
    lines.push(["repository", formatRepository(explained.repository)]);
  }
  if (rule !== null) lines.push(["rule", `${rule.number}, for ${rule.clients.join(", ")}`]);
  for (const [at, mirror] of mirrors.entries()) {
    lines.push([`mirror ${at + 1}`, `${mirror.name}: ${mirror.location}`]);
  }
  if (upstream !== null) lines.push(["upstream", upstream]);
  if (signatures !== null) lines.push(["signatures", signatures]);
  lines.push(["answer", formatAnswer(explained)]);
  if (explained.blobs.length > 0) {
    lines.push(["blobs", `from ${explained.blobs.join(", ")}, else the upstream`]);
  }
  return lines.map(([key, value]) => `${key!.padEnd(12)}${value}\n`).join("");
}

function formatRepository({ pattern, upstream, name }: ExplainedRepository): string {
  const where = upstream === null ? "the main upstream, or a rule's" : `the upstream ${upstream}`;
  return `${name} in ${where}, by the pattern ${pattern}`;
}

function formatAnswer(explained: Explanation): string {
  const { status, mirrors, signatures, relayed, redirect, error } = explained;
  if (error !== null) return `${status} ${error.code}: ${error.message}`;
  if (relayed !== undefined) return formatRelayed(relayed, explained);
  if (redirect === null) return String(status);
  const unlessMissing = signatures === null
    ? ""
    : "; to the signature upstream when the upstream does not have it";
  return mirrors.length === 0
    ? `${status} to ${redirect}${unlessMissing}`
    : `${status} to the first mirror that has the blob, else to the upstream${unlessMissing}`;
}

function formatRelayed(relayed: string, { mirrors, signatures, redirect }: Explanation): string {
  const orElse = signatures === null
    ? ""
    : "; from the signature upstream when the upstream does not have it";
  const from = `200, fetched from the upstream ${relayed} for the client, or its own redirect`;
  return mirrors.length === 0 || redirect === null
    ? from + orElse
    : `307 to the first mirror that has the blob, else ${from}${orElse}`;
}

/** The command. */
export const explainCommand: Command = {
  summary: "explain how a request would be answered",
  help: `Usage: archeio explain [--config FILE] [--json] ADDRESS PATH-or-IMAGE

Explains how a request for PATH, or for the manifest of IMAGE, from the client ADDRESS
would be answered: the location and the prefix that determines it, the repository, the
rule, the mirrors in order, the redirect. It sends no requests, so whether a mirror has a
blob is left open.

  archeio explain 35.180.1.1 /v2/pause/manifests/3.9
  archeio explain 35.180.1.1 pause:3.9

Options:
${CONFIG_HELP}
  --json         print JSON; "redirect" assumes that the first mirror has the blob
`,
  run(args, context) {
    const { text, flags, operands } = parseOptions(args, { text: ["config"], flags: ["json"] });
    const [address, asked, ...more] = operands;
    if (address === undefined || asked === undefined || more.length > 0) {
      throw new UsageError(
        `explain takes an ADDRESS and a PATH or IMAGE, not ${operands.length} arguments`,
      );
    }
    if (asked === "") throw new UsageError('Cannot explain "": it is no path and no image');
    const path = asked.startsWith("/") ? asked : imagePath(asked);
    const { config, lists } = loadConfig(text.config, context, { needsLists: true });
    const client = parseClient(address);
    const explained = explain(
      client,
      { address, path },
      createRouting({ config, lists, ...createNumbering().enter(config) }, EMBEDDED),
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
