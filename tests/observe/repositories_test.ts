import { assert, assertEquals } from "@std/assert";
import {
  addRepositories,
  createRepositories,
  type RepositoryCounts,
} from "../../lib/observe/repositories.ts";
import { createRandom } from "../redirect/hostile.ts";

/** Checks that what was counted bounds the true counts. */
function assertBounds(
  { counts, floor }: RepositoryCounts,
  truth: ReadonlyMap<string, number>,
  message: string,
): void {
  const counted = new Map(counts.map((count) => [count.name, count]));
  for (const [name, pulls] of truth) {
    const count = counted.get(name);
    if (count === undefined) assert(pulls <= floor, `${message}: ${name} is not counted`);
    else {
      assert(pulls <= count.pulls, `${message}: ${name} is counted too low`);
      assert(count.pulls - count.error <= pulls, `${message}: the error of ${name} is too low`);
    }
  }
}

Deno.test("the most pulled repositories are those of a slow count, up to the error that is told", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = createRandom(seed);
  for (const most of [1, 3, 8]) {
    const all: RepositoryCounts[] = [];
    const truth = new Map<string, number>();
    for (let isolate = 0; isolate < 3; isolate++) {
      const repositories = createRepositories(most);
      const own = new Map<string, number>();
      for (let pull = 0; pull < 500; pull++) {
        const name = `app-${Math.floor(20 * random() ** 3)}`;
        repositories.note(name);
        own.set(name, (own.get(name) ?? 0) + 1);
        truth.set(name, (truth.get(name) ?? 0) + 1);
      }
      assertBounds(repositories.read(), own, `seed ${seed}`);
      all.push(repositories.read());
    }
    const counts = addRepositories(all);
    const floor = all.reduce((sum, { floor }) => sum + floor, 0);
    assertBounds({ counts, floor }, truth, `seed ${seed}, together`);
    const pulls = counts.map(({ pulls }) => pulls);
    assertEquals(pulls, pulls.toSorted((one, other) => other - one), `seed ${seed}`);
  }
});

Deno.test("few repositories are counted exactly, and those with as many pulls stand by name", () => {
  const repositories = createRepositories();
  for (const name of ["b", "a", "c", "c"]) repositories.note(name);
  assertEquals(addRepositories([repositories.read()]), [
    { name: "c", pulls: 2, error: 0 },
    { name: "a", pulls: 1, error: 0 },
    { name: "b", pulls: 1, error: 0 },
  ]);
  assertEquals(addRepositories([]), []);
});

Deno.test("a flood of names keeps the busy ones, and takes no more memory", () => {
  const repositories = createRepositories();
  for (let at = 0; at < 20_000; at++) {
    repositories.note(`flood/${at}`);
    repositories.note(at % 2 === 0 ? "busy" : "also-busy");
    repositories.note("x".repeat(257) + at);
  }
  const { counts } = repositories.read();
  assertEquals(counts.length, 128);
  const [first, second] = addRepositories([repositories.read()]);
  assertEquals([first!.name, second!.name].toSorted(), ["also-busy", "busy"]);
  assert(counts.every(({ name }) => name.length <= 256));
});

Deno.test("a pull counts for as many as its weight says, which is uncertain by twice the deviation", () => {
  const repositories = createRepositories();
  for (let at = 0; at < 100; at++) repositories.note("a", 10);
  repositories.note("b");
  assertEquals(repositories.read().counts, [
    // Each of the 100 weighs 10, with a variance of 90.
    { name: "a", pulls: 1000, error: 190 },
    { name: "b", pulls: 1, error: 0 },
  ]);
});
