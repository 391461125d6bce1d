/**
 * Runs the compiled program's `fill` to its end.
 *
 * @module
 */

import { ARCHEIO } from "../programs.ts";
import { runAnyhow } from "../run.ts";
import { S3_ENVIRONMENT } from "./s3_server.ts";

/** What a fill told of a mirror. */
export interface FilledMirror {
  readonly had: number;
  readonly lacked: number;
  readonly copied: number;
  readonly missing: number;
}

/** What a fill told at its end. */
export interface Filled {
  readonly code: number;
  readonly complete: boolean;
  readonly mirrors: Readonly<Record<string, FilledMirror>>;
  readonly first_failures: readonly { readonly place: string; readonly reason: string }[];
}

const LONGEST_S = 90;

/** Fills, and reads the report. */
export async function runFill(config: string, ...args: readonly string[]): Promise<Filled> {
  const env = S3_ENVIRONMENT;
  const { code, out, err } = await runAnyhow(
    ARCHEIO,
    ["fill", "--config", config, ...args],
    { env, longestS: LONGEST_S },
  );
  const last = out.trimEnd().split("\n").at(-1);
  if (!last?.startsWith("{")) throw new Error(`archeio fill ended with ${code}:\n${err}${out}`);
  return { code, ...JSON.parse(last) };
}
