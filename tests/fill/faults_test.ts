/**
 * The promise of filling, under random faults and restarts: a store holds a subset of the right
 * objects at any time, and after a run without faults exactly what the plan says.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { failed, failedForGood } from "../../lib/fill/failure.ts";
import { isComplete, lackOf } from "../../lib/fill/tally.ts";
import { createRandom } from "../model/random.ts";
import { createVirtualClock } from "../mirrors/virtual_clock.ts";
import { runFill } from "./filling.ts";
import {
  addImage,
  addIndex,
  createBytes,
  createMemoryCache,
  createMemorySource,
  createMemoryStore,
  createRepository,
  type MemoryStore,
  type SourceFault,
  type StoreFault,
} from "./fixture.ts";

const WORLDS = 12;
const RUNS = 4;

function createWorld(random: () => number) {
  const below = (limit: number) => Math.floor(random() * limit);
  const layers = Array.from(
    { length: 10 },
    (_, at) =>
      createBytes(
        [0, 1, 65_535, 65_536, 65_537, 1_048_576, 1_048_577, 1_200_000][below(8)]!,
        at + 1,
      ),
  );
  const repositories = Object.fromEntries(["app", "web"].map((name) => {
    const repository = createRepository();
    for (let tag = 0; tag < 3; tag++) {
      const images = Array.from(
        { length: 1 + below(3) },
        () => addImage(repository, Array.from({ length: below(4) }, () => layers[below(10)]!)),
      );
      repository.tags.set(`v${tag}`, addIndex(repository, images));
    }
    return [name, repository];
  }));
  return { source: createMemorySource(repositories), repositories };
}

function createFaults(random: () => number) {
  const below = (limit: number) => Math.floor(random() * limit);
  const source = (): SourceFault | undefined => {
    if (random() > 0.4) return undefined;
    const faults: SourceFault[] = [
      failed("reset"),
      failed("429", below(20_000)),
      failedForGood("401"),
      { kind: "missing" },
      { kind: "break", after: below(1_300_000) },
      { kind: "wrong", at: below(1_300_000) },
      { kind: "length", by: below(200_000) - 100_000, told: random() < 0.5 },
    ];
    return faults[below(faults.length)];
  };
  const store = (): StoreFault | undefined => {
    if (random() > 0.3) return undefined;
    const faults: StoreFault[] = [
      failed("500"),
      failed("503", below(20_000)),
      failedForGood("507"),
      { kind: "unanswered" },
      { kind: "stall", after: below(1_300_000) },
    ];
    return faults[below(faults.length)];
  };
  return { source, store };
}

Deno.test("after any faults and restarts, stores hold right objects alone, and then all", async () => {
  const seed = Number(Deno.env.get("FILL_SEED") ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`FILL_SEED=${seed}`);
  const random = createRandom(seed);
  for (let world = 0; world < WORLDS; world++) {
    const { source, repositories } = createWorld(random);
    const stores = { near: createMemoryStore("near"), far: createMemoryStore("far") };
    const cache = createMemoryCache();
    const clock = createVirtualClock(1_000_000);
    const names = Object.keys(repositories);
    const right = new Set(Object.values(repositories).flatMap(({ blobs }) => [...blobs.keys()]));
    const faults = createFaults(random);
    for (let run = 0; run < RUNS; run++) {
      source.fault = faults.source;
      for (const store of Object.values(stores)) store.fault = faults.store;
      const stop = new AbortController();
      const cancel = clock.later(random() * 60_000, () => stop.abort(new Error("stopped")));
      const options = { cache, signal: stop.signal };
      const filling = { source, stores, repositories: names, clock, options };
      const tally = await runFill(filling).catch((error) => {
        assert(stop.signal.aborted, String(error));
      });
      cancel();
      assertEquals(source.opened, 0, "a blob that was opened is still held");
      for (const [name, store] of Object.entries(stores)) {
        assertIsSubset(store, right);
        if (tally?.mirrors.get(name)?.unknown !== undefined || tally === undefined) continue;
        const held = [...right].filter((digest) => store.objects.has(digest)).length;
        const mirror = tally.mirrors.get(name)!;
        assert(mirror.had + mirror.copied <= held, "no more is told than there is");
        if (isComplete(tally)) assertEquals(lackOf(mirror), 0);
      }
    }
    source.fault = () => undefined;
    for (const store of Object.values(stores)) store.fault = () => undefined;
    const tally = await runFill({ source, stores, repositories: names, clock, options: { cache } });
    assert(isComplete(tally), JSON.stringify([...tally.mirrors]));
    for (const store of Object.values(stores)) {
      assertIsSubset(store, right);
      assertEquals(store.objects.size, right.size);
    }
  }
});

function assertIsSubset({ objects, wrong }: MemoryStore, right: ReadonlySet<string>): void {
  assertEquals(wrong, []);
  for (const digest of objects.keys()) assert(right.has(digest), digest);
}
