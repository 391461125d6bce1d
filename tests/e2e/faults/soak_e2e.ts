/**
 * Half a minute of what `deno task soak` plays for ten.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { runAnyhow } from "../run.ts";

Deno.test("mixed load, a mirror that comes and goes, reloads: memory does not grow, no worker dies", async () => {
  const program = new URL("soak.ts", import.meta.url).pathname;
  const { code, out, err } = await runAnyhow(
    Deno.execPath(),
    ["run", "-A", "--no-check", program],
    {
      // So short a run is hardly warm.
      env: { SOAK_MINUTES: "0.5", SOAK_WORKERS: "2", SOAK_MOST_GROWTH: "1.25" },
      longestS: 120,
    },
  );
  console.log(out.split("\n").filter((line) => line.startsWith("memory")).join("\n"));
  assertEquals({ code, err }, { code: 0, err: "" }, out);
});
