import { assertEquals } from "@std/assert";
import { createNumbering, type Numbering } from "../../lib/redirect/setup.ts";
import { MIRROR_NUMBERS } from "../../lib/mirrors/board.ts";
import type { Config } from "../../lib/config/config.ts";
import { configOf } from "../config/fixture.ts";
import { createSetup } from "./fixture.ts";

type Urls = Readonly<Record<string, string>>;

function withServers(
  mirrors: Urls,
  upstreams: Urls = { main: "https://upstream.example" },
): Config {
  const names = Object.keys(mirrors);
  return configOf(JSON.stringify({
    upstreams: Object.fromEntries(
      Object.entries(upstreams).map(([name, endpoint]) => [name, { endpoint }]),
    ),
    mirrors: Object.fromEntries(Object.entries(mirrors).map(([name, url]) => [name, { url }])),
    rules: [
      ...Object.keys(upstreams).slice(1).map((upstream, at) => ({
        clients: [["aws/eu-west-3", "aws/us-east-1"][at]],
        upstream,
      })),
      { clients: ["*"], mirrors: names },
    ],
  }));
}

const numbersOf = (servers: readonly { readonly number: number }[]) =>
  servers.map(({ number }) => number);

const A = "https://a.example/blobs";
const B = "https://b.example/blobs";
const C = "https://c.example/blobs";

Deno.test("a mirror keeps its number while it has its name and URL, whatever is reloaded", () => {
  const numbering = createNumbering();
  const steps: readonly { mirrors: Urls; numbers: number[] }[] = [
    { mirrors: { one: A, two: B }, numbers: [0, 1] },
    { mirrors: { one: A, two: B }, numbers: [0, 1] },
    // In another order, in their own.
    { mirrors: { two: B, one: A }, numbers: [1, 0] },
    // The same URL, as the platform writes it.
    { mirrors: { two: "https://B.example:443/blobs/", one: A }, numbers: [1, 0] },
    { mirrors: { two: B, three: C }, numbers: [1, 2] },
    // Another URL makes another mirror, and the one before it the same again.
    { mirrors: { one: C, two: B }, numbers: [3, 1] },
    { mirrors: { one: A }, numbers: [0] },
  ];
  for (const { mirrors, numbers } of steps) {
    const entered = numbering.enter(withServers(mirrors)).mirrors;
    assertEquals(numbersOf(entered), numbers, JSON.stringify(mirrors));
    assertEquals(entered.map(({ name }) => name), Object.keys(mirrors));
  }
});

Deno.test("an upstream keeps its number while it has its name and URL", () => {
  const numbering = createNumbering();
  const main = "https://main.example";
  const other = "https://other.example";
  const steps = [
    { upstreams: { main, other }, numbers: [0, 1] },
    { upstreams: { main, third: "https://third.example", other }, numbers: [0, 2, 1] },
    { upstreams: { main: "https://new.example" }, numbers: [3] },
    { upstreams: { main }, numbers: [0] },
  ];
  for (const { upstreams, numbers } of steps) {
    assertEquals(numbersOf(numbering.enter(withServers({}, upstreams)).upstreams), numbers);
  }
});

Deno.test("a freed number is given to another mirror when no other is left, and that is told", () => {
  const reused: string[] = [];
  const numbering = createNumbering({
    onMirrorReused: (number) => void reused.push(`mirror ${number}`),
    onUpstreamReused: (number) => void reused.push(`upstream ${number}`),
  });
  const step = (at: number) => {
    const url = `https://host-${at}.example`;
    const servers = numbering.enter(withServers({ one: url }, { main: url }));
    numbering.keep(servers);
    return [...numbersOf(servers.mirrors), ...numbersOf(servers.upstreams)];
  };
  for (let at = 0; at < MIRROR_NUMBERS; at++) assertEquals(step(at)[0], at);
  // The one that is free for longest.
  assertEquals(step(MIRROR_NUMBERS)[0], 0);
  assertEquals(step(MIRROR_NUMBERS + 1)[0], 1);
  assertEquals(reused.filter((what) => what.startsWith("mirror")), ["mirror 0", "mirror 1"]);
  assertEquals(reused[0], "upstream 0");
});

Deno.test("a mirror whose template changes is another mirror", () => {
  const numberOf = (numbering: Numbering, url: string) =>
    createSetup({
      upstreams: { main: { endpoint: "https://main.example" } },
      mirrors: { one: { url } },
      rules: [{ clients: ["*"], mirrors: ["one"] }],
    }, { numbering }).mirrors[0]!.number;
  const numbering = createNumbering();
  const table = [
    { asked: "https://a.example/b", expected: 0 },
    { asked: "https://a.example/b/{digest}", expected: 0 },
    { asked: "https://a.example/b/{hex}", expected: 1 },
    { asked: "https://a.example/{name}/b/{hex}", expected: 2 },
    { asked: "https://a.example/b/", expected: 0 },
  ];
  for (const { asked, expected } of table) {
    assertEquals(numberOf(numbering, asked), expected, asked);
  }
});

Deno.test("a mirror without a limit has none in another isolate either", () => {
  const mirrors = {
    paris: { url: A },
    cdn: { url: B, fallback_limit: 7 },
  };
  const setup = createSetup({
    upstreams: { main: { endpoint: "https://main.example", path: "x/y" } },
    mirrors,
    rules: [{ clients: ["*"], mirrors: ["paris", "cdn"] }],
  });
  const sent = structuredClone(setup);
  assertEquals(sent, setup);
  assertEquals(sent.mirrors, [
    { number: 0, name: "paris", url: A, template: undefined, fallbackLimit: Infinity },
    { number: 1, name: "cdn", url: B, template: undefined, fallbackLimit: 7 },
  ]);
  assertEquals(sent.upstreams, [
    { number: 0, name: "main", base: "https://main.example/v2/x/y/" },
  ]);
});
