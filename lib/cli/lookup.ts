/**
 * `archeio lookup`: the locations of addresses.
 *
 * @module
 */

import { createRouting } from "../redirect/create_routing.ts";
import { createNumbering } from "../redirect/setup.ts";
import type { Locator } from "../locations/locator.ts";
import { EMBEDDED } from "../locations/embedded.ts";
import { describeNoAddress, tryAddress } from "../net/address.ts";
import { type Command, type Context, EXIT, parseOptions } from "./command.ts";
import { CONFIG_HELP, loadConfig } from "./load_config.ts";

/** The command. */
export const lookupCommand: Command = {
  summary: "print the location of each address",
  help: `Usage: archeio lookup [--config FILE] [ADDRESS …]

Prints a line for each address: the address, its location and the prefix that determines
it, separated by tabs; "-" if there is none. Without ADDRESS, addresses are read from
standard input, one per line. Invalid ones are reported on standard error, and the exit
status is then 2; the others are still printed.

Options:
${CONFIG_HELP}
`,
  async run(args, context) {
    const { text, operands } = parseOptions(args, { text: ["config"] });
    const { config, lists } = loadConfig(text.config, context, { needsLists: true });
    const setup = { config, lists, ...createNumbering().enter(config) };
    const { locator } = createRouting(setup, EMBEDDED);
    const lines = createLines(locator, context);
    if (operands.length > 0) lines.take(operands);
    else await readLines(context.stdin, lines.take);
    return lines.wrong() > 0 ? EXIT.usage : EXIT.well;
  },
};

function createLines(locator: Locator, { out, err }: Context) {
  let number = 0;
  let wrong = 0;
  return {
    wrong: () => wrong,
    take(lines: readonly string[]): void {
      let printed = "";
      for (const line of lines) {
        number++;
        const text = line.trim();
        if (text === "") continue;
        const address = tryAddress(text);
        if (address === undefined) {
          wrong++;
          err(`archeio: line ${number}: ${describeNoAddress(text)}\n`);
          continue;
        }
        const found = locator.explain(address);
        printed += found === undefined
          ? `${text}\t-\t-\n`
          : `${text}\t${found.location}\t${found.prefix}\n`;
      }
      out(printed);
    },
  };
}

const LONGEST_LINE = 1024;

async function readLines(
  stream: ReadableStream<Uint8Array>,
  take: (lines: readonly string[]) => void,
): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  // Of a line that is too long for an address, only the beginning is kept.
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!.slice(0, LONGEST_LINE);
    take(lines);
  }
  take([rest + decoder.decode()]);
}
