/**
 * The model of the world: mirrors and upstreams that answer anything at any time, clients that
 * repeat or flood, reloads, isolates that die or never start, data that change; after each
 * step, what the program promises. A short run here; long ones by `deno task model`.
 *
 * @module
 */

import { playSeed } from "./property.ts";

Deno.test("whatever mirrors, clients and operators do, the program keeps its promises", async () => {
  const seed = Date.now() & 0x7fffffff;
  console.log(`seed ${seed}`);
  const { broken } = await playSeed(seed, false);
  if (broken === undefined) return;
  throw new Error(
    `to find the shortest story: MODEL_SEED=${seed} deno task model\n${broken.report}`,
  );
});
