import { assertEquals } from "@std/assert";
import { createRoster } from "../../lib/server/setup.ts";
import { type ConfigFile, readTestConfig } from "./fixture.ts";

const UPSTREAM = { endpoint: "https://upstream.example" };

function configOf(mirrors: Readonly<Record<string, string>>, upstreams = ["main"]) {
  const file: ConfigFile = {
    upstreams: Object.fromEntries(upstreams.map((name) => [name, UPSTREAM])),
    mirrors: Object.fromEntries(Object.entries(mirrors).map(([name, url]) => [name, { url }])),
  };
  return readTestConfig(file);
}

const A = "https://a.example/blobs";
const B = "https://b.example/blobs";

Deno.test("a roster gives each mirror of a name and a URL one number, whatever is reloaded", () => {
  const roster = createRoster();
  const steps: readonly { mirrors: Readonly<Record<string, string>>; numbers: number[] }[] = [
    { mirrors: { one: A, two: B }, numbers: [0, 1] },
    { mirrors: { one: A, two: B }, numbers: [0, 1] },
    // In another order, in their own.
    { mirrors: { two: B, one: A }, numbers: [1, 0] },
    { mirrors: {}, numbers: [] },
    { mirrors: { two: B, three: B }, numbers: [1, 2] },
    // Another URL makes another mirror, and the one before it the same again.
    { mirrors: { one: B, two: B }, numbers: [3, 1] },
    { mirrors: { one: A }, numbers: [0] },
    { mirrors: { one: B }, numbers: [3] },
  ];
  for (const { mirrors, numbers } of steps) {
    assertEquals(roster.enter(configOf(mirrors)).mirrors, numbers, JSON.stringify(mirrors));
  }
  assertEquals(roster.mirrors, [
    { number: 0, name: "one", url: A },
    { number: 1, name: "two", url: B },
    { number: 2, name: "three", url: B },
    { number: 3, name: "one", url: B },
  ]);
});

Deno.test("a roster gives each upstream one number by its name", () => {
  const roster = createRoster();
  const steps = [
    { upstreams: ["main", "other"], numbers: [0, 1] },
    { upstreams: ["third", "main"], numbers: [2, 0] },
    { upstreams: ["main"], numbers: [0] },
  ];
  for (const { upstreams, numbers } of steps) {
    assertEquals(roster.enter(configOf({}, upstreams)).upstreams, numbers);
  }
  assertEquals(roster.upstreams, ["main", "other", "third"]);
});
