/**
 * The README's commands for a project on a registry that wants a token, typed word for word in an
 * empty folder.
 *
 * That needs a ghcr.io: in a network of its own, the name leads to a registry on this machine.
 *
 * @module
 */

import { ensurePrograms } from "./programs.ts";
import { run, runAnyhow } from "./run.ts";
import { createTempFolder } from "./temp_folder.ts";

const { code } = await runAnyhow("unshare", ["--net", "--mount", "true"]);
if (code !== 0) console.warn("The README's start is not played without a network of its own.");

const INSIDE = new URL("start/play_start.ts", import.meta.url).pathname;
const LONGEST_S = 120;

Deno.test({
  name: "the README's commands for a registry that wants a token end with a pull",
  ignore: code !== 0,
  async fn() {
    await ensurePrograms();
    await using folder = await createTempFolder();
    const inside = [Deno.execPath(), "run", "-A", INSIDE, folder.path];
    await run("unshare", ["--net", "--mount", ...inside], { longestS: LONGEST_S });
  },
});
