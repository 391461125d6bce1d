/**
 * `archeio config`: checks and prints the configuration.
 *
 * @module
 */

import { stringify } from "@std/yaml";
import { ConfigSchema } from "../config/schema.ts";
import { type Command, EXIT, parseOptions, refuseOperands } from "./command.ts";
import { CONFIG_HELP, loadConfig } from "./load_config.ts";

/** The command. */
export const configCommand: Command = {
  summary: "check the configuration and print the one in effect",
  help: `Usage: archeio config [--config FILE]
       archeio config --schema

Checks the configuration and prints the one in effect, including defaults and
environment variables, as a valid configuration file. If there are mistakes, all of
them are reported, and the exit status is 2.

Options:
${CONFIG_HELP}
  --schema       print the JSON Schema of configurations, for editors
`,
  async run(args, context) {
    const { text, flags, operands } = parseOptions(args, { text: ["config"], flags: ["schema"] });
    refuseOperands(operands);
    if (flags.schema) {
      // Loaded here because nothing else needs it.
      const { toJsonSchema } = await import("@valibot/to-json-schema");
      const schema = toJsonSchema(ConfigSchema, { typeMode: "input", errorMode: "ignore" });
      context.out(JSON.stringify(schema, null, 2) + "\n");
      return EXIT.well;
    }
    const { config } = loadConfig(text.config, context, { needsFiles: true });
    context.out(stringify(config, { skipInvalid: true, lineWidth: 100 }));
    return EXIT.well;
  },
};
