/**
 * Makes the setup of a library's redirector.
 *
 * @module
 */

import { readConfig } from "../config/read.ts";
import { listLocations } from "../locations/data_set.ts";
import { describeReason } from "../mirrors/asker.ts";
import type { RedirectorOptions } from "./mod.ts";
import { createNumbering, type Setup } from "./setup.ts";

/**
 * Reads a configuration that is given as a value.
 *
 * @throws {TypeError} when it has mistakes; the message lists all of them
 */
export function readSetup(
  value: unknown,
  dataSet: string,
  { readFile = refuseFiles, credentials }: RedirectorOptions,
): Setup {
  // `undefined` as text would select the built-in configuration; here it is a mistake.
  const read = readConfig(JSON.stringify(value) ?? "null", {
    environment: () => undefined,
    embedded: listLocations(dataSet),
    readFile(path) {
      try {
        return { kind: "text", text: readFile(path) };
      } catch (error) {
        return { kind: "unreadable", reason: describeReason(error) };
      }
    },
  });
  if (read.kind === "mistakes") {
    const mistakes = read.mistakes.map((mistake) => `\n  ${withoutPlace(mistake)}`);
    throw new TypeError(`Cannot use the configuration:${mistakes.join("")}`);
  }
  const { config, lists } = read;
  const servers = createNumbering().enter(config);
  return { config, lists, dataSet: undefined, ...servers, credentials, isolates: 1 };
}

function refuseFiles(): never {
  throw new Error("readFile is not set");
}

// A mistake in a value has no line number.
function withoutPlace(mistake: string): string {
  return mistake.replace(/^line \d+, column \d+: /, "");
}
