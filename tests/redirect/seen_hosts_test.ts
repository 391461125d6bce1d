import { assertEquals, assertStrictEquals } from "@std/assert";
import { authorityOf, createSeenHosts, type SeenHost } from "../../lib/redirect/seen_hosts.ts";

Deno.test("createSeenHosts() keeps each host of an upstream once, and tells it once", () => {
  const told: SeenHost[] = [];
  const seen = createSeenHosts((one) => told.push(one));
  const locations = [
    "https://cdn.example/a?signature=secret",
    "https://cdn.example/b",
    "HTTP://Other.example/",
    "http://[2001:db8::1]:5000/",
    "/v2/app/blobs/uploads",
    "https://a&b.example/",
    `https://"x".example/`,
    "no URL",
  ];
  for (const location of locations) seen.note("hub", location);
  seen.note("ghcr", "https://cdn.example/");
  const expected = [
    { upstream: "hub", authority: "cdn.example:443" },
    { upstream: "hub", authority: "other.example:80" },
    { upstream: "hub", authority: "[2001:db8::1]:5000" },
    { upstream: "ghcr", authority: "cdn.example:443" },
  ];
  assertEquals(seen.list(), expected);
  assertEquals(told, expected);
  assertStrictEquals(seen.list(), seen.list());
});

Deno.test("createSeenHosts() takes what other isolates have seen, and tells nobody", () => {
  const told: SeenHost[] = [];
  const seen = createSeenHosts((one) => told.push(one));
  const one = { upstream: "hub", authority: "cdn.example:443" };
  assertEquals([seen.add(one), seen.add(one)], [true, false]);
  seen.note("hub", "https://cdn.example/");
  assertEquals([seen.list(), told], [[one], []]);
});

Deno.test("a flood of hosts does not grow what createSeenHosts() keeps", () => {
  const seen = createSeenHosts();
  for (let at = 0; at < 1000; at++) seen.note("hub", `https://host-${at}.example/`);
  assertEquals(seen.list().length, 64);
});

Deno.test("authorityOf() gives a URL's host with its port", () => {
  assertEquals(authorityOf("https://a.example/x"), "a.example:443");
  assertEquals(authorityOf("http://a.example:8080"), "a.example:8080");
});
