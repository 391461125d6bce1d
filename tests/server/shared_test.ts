import { assertEquals } from "@std/assert";
import { createShared } from "../../lib/server/shared.ts";
import { CONFIG, DIGEST, OTHER_DIGEST, readTestConfig } from "./fixture.ts";

Deno.test("isolates are as many as the configuration says, or as there are cores", () => {
  for (
    const { workers, isolates } of [
      { workers: 1, isolates: 1 },
      { workers: 3, isolates: 3 },
      { workers: "auto", isolates: 8 },
    ]
  ) {
    const { setup, numbers } = createShared(readTestConfig({ ...CONFIG, workers }), 8);
    assertEquals(setup.isolates, isolates);
    assertEquals(new Set(numbers).size, isolates);
    assertEquals(setup.mirrors, [0, 1]);
    assertEquals(setup.upstreams, [0, 1]);
    assertEquals(setup.dataSet, undefined);
  }
});

Deno.test("the board is read by the thresholds and the names of the configuration in use", () => {
  const shared = createShared(readTestConfig(CONFIG), 1);
  shared.board().failed(0);
  assertEquals(shared.isDown("paris"), false);
  const config = readTestConfig({
    ...CONFIG,
    mirrors: { cdn: { url: "https://cdn.example/blobs" }, paris: { url: "https://p.example" } },
    health: { down_after: 2 },
  });
  shared.setup = { ...shared.setup, config, ...shared.roster.enter(config) };
  assertEquals(shared.setup.mirrors, [1, 2]);
  assertEquals(shared.board().failed(1), false);
  assertEquals(shared.board().failed(1), true);
  assertEquals(shared.isDown("cdn"), true);
  assertEquals(shared.isDown("paris"), false);
});

Deno.test("of what a mirror can be asked for, a blob that it has is kept", () => {
  const { samples, noteSample } = createShared(readTestConfig(CONFIG), 1);
  const steps = [
    { sample: { digest: DIGEST, found: false }, kept: DIGEST },
    { sample: { digest: OTHER_DIGEST, found: false }, kept: OTHER_DIGEST },
    { sample: { digest: DIGEST, found: true }, kept: DIGEST },
    { sample: { digest: OTHER_DIGEST, found: false }, kept: DIGEST },
    { sample: { digest: OTHER_DIGEST, found: true }, kept: OTHER_DIGEST },
  ];
  for (const { sample, kept } of steps) {
    noteSample(1, sample);
    assertEquals(samples.get(1)?.digest, kept);
  }
  assertEquals(samples.get(0), undefined);
});
