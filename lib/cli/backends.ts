/**
 * `archeio backends`: the hosts that a client may be sent to.
 *
 * @module
 */

import { formatBackends, listBackends } from "../redirect/backends.ts";
import { type Command, EXIT, parseOptions, refuseOperands } from "./command.ts";
import { CONFIG_HELP, loadConfig } from "./load_config.ts";

/** The command. */
export const backendsCommand: Command = {
  summary: "list the hosts that a client may be sent to",
  help: `Usage: archeio backends [--config FILE] [--json]

Lists the hosts that a client may be sent to, for firewalls: a line for each, the host with
its port and what clients get there, separated by a tab. The server lists the same at
/backends, if pages.backends says so.

Options:
${CONFIG_HELP}
  --json         print JSON
`,
  run(args, context) {
    const { text, flags, operands } = parseOptions(args, { text: ["config"], flags: ["json"] });
    refuseOperands(operands);
    const backends = listBackends(loadConfig(text.config, context).config);
    const json = () => JSON.stringify({ backends }, null, 2) + "\n";
    context.out(flags.json ? json() : formatBackends(backends));
    return EXIT.well;
  },
};
