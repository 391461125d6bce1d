/**
 * The commands of docs/filling.md, typed word for word in an empty folder: an empty bucket and a
 * registry that wants a token become a mirror that podman pulls from, in less than three minutes.
 *
 * @module
 */

import { ensurePrograms } from "../programs.ts";
import { run, runAnyhow } from "../run.ts";
import { createTempFolder } from "../temp_folder.ts";
import { tryBuild } from "./s3_server.ts";

const { code } = await runAnyhow("unshare", ["--net", "--mount", "true"]);
if (code !== 0) console.warn("docs/filling.md is not played without a network of its own.");

const INSIDE = new URL("play_filling.ts", import.meta.url).pathname;
const LONGEST_S = 200;

Deno.test({
  name: "the commands of docs/filling.md make a mirror of an empty bucket",
  ignore: code !== 0,
  async fn() {
    const why = await tryBuild();
    if (why !== undefined) return console.error(`skipped: ${why}`);
    await ensurePrograms();
    await using folder = await createTempFolder();
    const inside = [Deno.execPath(), "run", "-A", INSIDE, folder.path];
    await run("unshare", ["--net", "--mount", ...inside], { longestS: LONGEST_S });
  },
});
