/**
 * `archeio status`: the state of a server, in a terminal.
 *
 * @module
 */

import type { Status } from "../admin/status.ts";
import {
  type Command,
  type Context,
  EXIT,
  FailedError,
  parseOptions,
  UsageError,
} from "./command.ts";
import { formatStatus } from "./format_status.ts";
import { CONFIG_HELP, loadConfig, readText, reasonOf } from "./load_config.ts";

const LIMIT_MS = 5000;

/** The command. */
export const statusCommand: Command = {
  summary: "show the state of a server: mirrors, clients, problems",
  help: `Usage: archeio status [--config FILE] [--token-file FILE] [--json] [URL]
       archeio status --schema

Asks the admin listener of the server on this machine, or the one at URL, for its state, and
prints it. The exit status is 1 if there is no answer, or a critical problem, such as a mirror
that is down.

  archeio status
  archeio status --json http://localhost:9090

Options:
${CONFIG_HELP};
                 it says where the server listens, and its token
  --token-file FILE
                 the token that the admin listener wants
  --json         print what /status says
  --schema       print the JSON Schema of that
`,
  async run(args, context) {
    const { text, flags, operands } = parseOptions(args, {
      text: ["config", "token-file"],
      flags: ["json", "schema"],
    });
    if (flags.schema) return await printSchema(context);
    const [given, ...more] = operands;
    if (more.length > 0) {
      throw new UsageError(`unexpected argument "${more[0]}": status takes a URL`);
    }
    const { url, tokenFile } = given === undefined
      ? ownAdmin(text.config, context)
      : { url: parseUrl(given), tokenFile: undefined };
    const file = text["token-file"] ?? tokenFile;
    const token = file === undefined ? undefined : readText(file, "token").trim();
    const status = await ask(url, token, context);
    context.out(flags.json ? JSON.stringify(status, null, 2) + "\n" : formatStatus(status));
    return status.problems.some(({ severity }) => severity === "critical")
      ? EXIT.failed
      : EXIT.well;
  },
};

async function printSchema({ out }: Context): Promise<number> {
  // Loaded here because nothing else needs it.
  const { toJsonSchema } = await import("@valibot/to-json-schema");
  const { StatusSchema } = await import("../admin/status_schema.ts");
  out(JSON.stringify(toJsonSchema(StatusSchema), null, 2) + "\n");
  return EXIT.well;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new UsageError(`Cannot parse URL "${text}": it must be an http: or https: URL`);
  }
  return new URL("/status", url);
}

function ownAdmin(
  file: string | undefined,
  context: Context,
): { readonly url: URL; readonly tokenFile: string | undefined } {
  const { admin } = loadConfig(file, context).config;
  if (admin === undefined || admin.port === 0) {
    throw new UsageError(
      "Cannot tell where the admin listener is, as admin.port is not set or 0: give its URL",
    );
  }
  const { host, port, token_file: tokenFile } = admin;
  const isLocal = ["::", "0.0.0.0", "localhost"].includes(host);
  const name = isLocal ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return { url: new URL(`http://${name}:${port}/status`), tokenFile };
}

async function ask(url: URL, token: string | undefined, context: Context): Promise<Status> {
  const fail = (reason: string) => new FailedError(`${url} tells no state: ${reason}`);
  let response: Response;
  try {
    response = await context.fetch(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: context.timeout(LIMIT_MS),
    });
  } catch (error) {
    throw fail(reasonOf(error));
  }
  const text = await response.text();
  if (!response.ok) throw fail(`status ${response.status}: ${text.trim().slice(0, 200)}`);
  try {
    return JSON.parse(text);
  } catch {
    throw fail("its answer is not JSON");
  }
}
