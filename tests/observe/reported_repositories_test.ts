import { assert, assertEquals } from "@std/assert";
import { createReportedRepositories, LOOKED_AT } from "../../lib/observe/reported_repositories.ts";
import type { RepositoryCounts } from "../../lib/observe/repositories.ts";
import { createVirtualClock } from "../mirrors/virtual_clock.ts";
import { createRandom } from "../redirect/hostile.ts";

Deno.test("counts are reported two seconds after the first pull, and when they are flushed", async () => {
  const clock = createVirtualClock();
  const reports: number[] = [];
  const repositories = createReportedRepositories({
    report: ({ counts }) => void reports.push(counts[0]!.pulls),
    later: clock.later,
    random: Math.random,
  });
  repositories.flush();
  repositories.note("a");
  await clock.pass(1999);
  repositories.note("a");
  assertEquals(reports, []);
  await clock.pass(1);
  assertEquals(reports, [2]);
  await clock.pass(10_000);
  repositories.note("a");
  repositories.flush();
  repositories.flush();
  await clock.pass(10_000);
  assertEquals(reports, [2, 3]);
});

Deno.test("many pulls are sampled, and the counts stay within the error that is told", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = createRandom(seed);
  const clock = createVirtualClock();
  let counts: RepositoryCounts["counts"] = [];
  let looks = 0;
  const repositories = createReportedRepositories({
    report: (read) => void (counts = read.counts),
    later: clock.later,
    random: () => (looks++, random()),
  });
  const truth = new Map<string, number>();
  for (let round = 0; round < 10; round++) {
    for (let pull = 0; pull < 50_000; pull++) {
      const name = `app-${Math.floor(20 * random() ** 2)}`;
      repositories.note(name);
      truth.set(name, (truth.get(name) ?? 0) + 1);
    }
    await clock.pass(2000);
  }
  // All of the first round, and about LOOKED_AT of each other.
  assert(looks < 50_000 + 9 * 1.3 * LOOKED_AT, `seed ${seed}: ${looks} looks`);
  await clock.pass(2000);
  for (const { name, pulls, error } of counts) {
    // Twice what is told: four times the deviation.
    const off = Math.abs(pulls - truth.get(name)!);
    assert(off <= 2 * error + 100, `seed ${seed}: ${name} is off by ${off}, not ${error}`);
  }
  const all = counts.reduce((sum, { pulls }) => sum + pulls, 0);
  assert(Math.abs(all - 500_000) <= 200, `seed ${seed}: ${all} in all`);
});

Deno.test("after many pulls, few are counted exactly again, and none is left out", async () => {
  const clock = createVirtualClock();
  let counts: RepositoryCounts["counts"] = [];
  const repositories = createReportedRepositories({
    report: (read) => void (counts = read.counts),
    later: clock.later,
    random: () => 0.99,
  });
  for (let round = 0; round < 2; round++) {
    for (let pull = 0; pull < 100 * LOOKED_AT; pull++) repositories.note("busy");
    await clock.pass(2000);
  }
  await clock.pass(10_000);
  assertEquals(clock.waiting, 0);
  for (let pull = 0; pull < 3; pull++) repositories.note("rare");
  repositories.flush();
  const counted = new Map(counts.map(({ name, pulls }) => [name, pulls]));
  assertEquals([...counted.values()].reduce((sum, pulls) => sum + pulls), 200 * LOOKED_AT + 3);
  assertEquals(counted.get("busy")! + counted.get("rare")!, 200 * LOOKED_AT + 3);
  assert(counted.get("rare")! < 300, "what was passed over counts for the next");
});
