import { assert, assertEquals } from "@std/assert";
import { createBlobFinder } from "../../lib/mirrors/find_blob.ts";
import { createMirrorJudge, type Presence } from "../../lib/mirrors/presence.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const MIRRORS = ["a", "b", "c"].map((name) => ({ name, url: `https://${name}.example/blobs` }));
const judge = createMirrorJudge({ foundTtlMs: 1000, missingTtlMs: 10 });

/** A finder over mirrors of which is known, or will be answered, what is given. */
function createWorld(presences: readonly (Presence | Promise<Presence>)[]) {
  const asked: string[] = [];
  const keys = new Map<string, string>();
  const findBlob = createBlobFinder((key, url, given) => {
    assert(given === judge);
    assertEquals(keys.get(key) ?? url, url, "a key stands for one URL");
    keys.set(key, url);
    const at = MIRRORS.findIndex((mirror) => url === `${mirror.url}/${DIGEST}`);
    asked.push(MIRRORS[at]!.name);
    return presences[at]!;
  }, judge);
  return { findBlob, asked };
}

const known: readonly { presences: Presence[]; asked: string[]; found: string | undefined }[] = [
  { presences: ["found", "found", "found"], asked: ["a"], found: "a" },
  { presences: ["missing", "found", "found"], asked: ["a", "b"], found: "b" },
  { presences: ["missing", "missing", "found"], asked: ["a", "b", "c"], found: "c" },
  { presences: ["missing", "missing", "missing"], asked: ["a", "b", "c"], found: undefined },
  { presences: ["unknown", "found", "found"], asked: ["a"], found: undefined },
  { presences: ["missing", "unknown", "found"], asked: ["a", "b"], found: undefined },
];

function urlIn(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `https://${name}.example/blobs/${DIGEST}`;
}

Deno.test("a finder answers at once when all that it needs is known", () => {
  for (const { presences, asked, found } of known) {
    const world = createWorld(presences);
    assertEquals(world.findBlob(MIRRORS, DIGEST), urlIn(found), presences.join());
    assertEquals(world.asked, asked, presences.join());
  }
});

Deno.test("a finder asks mirrors in their order, each only when those before it miss", async () => {
  for (const { presences, asked, found } of known) {
    // Each of the answers may come late, alone or with others; only `unknown` never does.
    for (let late = 1; late < 8; late++) {
      const world = createWorld(
        presences.map((presence, at) =>
          presence !== "unknown" && late >> at & 1 ? Promise.resolve(presence) : presence
        ),
      );
      const url = await world.findBlob(MIRRORS, DIGEST);
      assertEquals(url, urlIn(found), `${presences.join()}, late: ${late}`);
      assertEquals(world.asked, asked, `${presences.join()}, late: ${late}`);
    }
  }
});

Deno.test("a finder asks no second mirror while the first one has not answered", async () => {
  const { promise, resolve } = Promise.withResolvers<Presence>();
  const { findBlob, asked } = createWorld([promise, "found", "found"]);
  const url = findBlob(MIRRORS, DIGEST);
  assert(url instanceof Promise);
  assertEquals(asked, ["a"]);
  resolve("missing");
  assertEquals(await url, urlIn("b"));
  assertEquals(asked, ["a", "b"]);
});

Deno.test("a finder finds nothing in no mirrors", () => {
  const { findBlob, asked } = createWorld([]);
  assertEquals(findBlob([], DIGEST), undefined);
  assertEquals(asked, []);
});
