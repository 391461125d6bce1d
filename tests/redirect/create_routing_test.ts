import { assertEquals, assertStrictEquals } from "@std/assert";
import { createRouting, type Routing } from "../../lib/redirect/create_routing.ts";
import { createNumbering } from "../../lib/redirect/setup.ts";
import { parseAddress } from "../../lib/net/address.ts";
import type { Rule } from "../../lib/routing/policy.ts";
import { configOf, UPSTREAM } from "../config/fixture.ts";

const DATA_SET = `provider aws
source https://aws.example/
date 2026-07-29
count 2
location aws/eu-west-3
10.0.0.0/8
location aws/us-east-1
192.0.2.0/24
provider gcp
source https://gcp.example/
date 2026-07-29
count 1
location gcp/europe-west9
198.51.100.0/24
`;

function routing(text: string): Routing {
  const config = configOf(text);
  return createRouting({ config, ...createNumbering().enter(config) }, DATA_SET);
}

function ruleFor({ locator, policy }: Routing, address: string): Rule {
  return policy.ruleFor(locator.locate(parseAddress(address)));
}

Deno.test("createRouting() puts together what stands before a repository's name", () => {
  const table = [
    { endpoint: "https://a.example", path: "", expected: "https://a.example/v2/" },
    { endpoint: "https://a.example/", path: "", expected: "https://a.example/v2/" },
    { endpoint: "https://a.example", path: "b/c", expected: "https://a.example/v2/b/c/" },
    { endpoint: "https://A.EXAMPLE:443", path: "", expected: "https://a.example/v2/" },
    { endpoint: "http://a.example:80", path: "", expected: "http://a.example/v2/" },
    { endpoint: "http://a.example:5000", path: "", expected: "http://a.example:5000/v2/" },
    { endpoint: "https://[2001:DB8:0::1]", path: "", expected: "https://[2001:db8::1]/v2/" },
  ];
  for (const { endpoint, path, expected } of table) {
    const { policy } = routing(JSON.stringify({ upstreams: { main: { endpoint, path } } }));
    assertEquals(policy.upstream, { name: "main", base: expected, number: 0 });
  }
});

Deno.test("createRouting() gives mirrors no slash at their end", () => {
  const table = [
    { url: "https://a.example", expected: "https://a.example" },
    { url: "https://a.example/", expected: "https://a.example" },
    { url: "https://a.example/b//", expected: "https://a.example/b" },
    { url: "https://A.example:443/B/./c", expected: "https://a.example/B/c" },
  ];
  for (const { url, expected } of table) {
    const text = `${UPSTREAM}mirrors: { one: { url: "${url}" } }
rules: [{ clients: ["*"], mirrors: [one] }]`;
    assertEquals(ruleFor(routing(text), "9.9.9.9").mirrors, [
      { number: 0, name: "one", url: expected, template: undefined, fallbackLimit: Infinity },
    ]);
  }
});

Deno.test("createRouting() makes the rules, in their order, with their own upstreams", () => {
  const made = routing(`
upstreams:
  main: { endpoint: https://main.example }
  other: { endpoint: https://other.example, path: images }
mirrors:
  one: { url: https://one.example }
  two: { url: https://two.example, fallback_limit: 5 }
locations:
  office/berlin: [203.0.113.0/24, 10.7.0.0/16]
rules:
  - { clients: [office/*, gcp/europe-west9], mirrors: [two, one], upstream: other }
  - { clients: [aws/*], mirrors: [one] }
`);
  const { upstream } = made.policy;
  const one = {
    number: 0,
    name: "one",
    url: "https://one.example",
    template: undefined,
    fallbackLimit: Infinity,
  };
  const two = {
    number: 1,
    name: "two",
    url: "https://two.example",
    template: undefined,
    fallbackLimit: 5,
  };
  const office = {
    number: 1,
    clients: ["office/*", "gcp/europe-west9"],
    mirrors: [two, one],
    upstream: { name: "other", base: "https://other.example/v2/images/", number: 1 },
  };
  const table = [
    { asked: "203.0.113.9", expected: office },
    { asked: "10.7.0.9", expected: office },
    { asked: "198.51.100.9", expected: office },
    { asked: "10.8.0.9", expected: { number: 2, clients: ["aws/*"], mirrors: [one], upstream } },
    { asked: "9.9.9.9", expected: { number: 0, clients: [], mirrors: [], upstream } },
  ];
  for (const { asked, expected } of table) assertEquals(ruleFor(made, asked), expected, asked);
  // Mirrors and upstreams are told apart by identity.
  assertStrictEquals(ruleFor(made, "10.8.0.9").upstream, upstream);
  assertEquals(made.policy.upstreamVaries, true);
});

Deno.test("createRouting() takes the only upstream for the main one", () => {
  const { policy } = routing("upstreams: { registry: { endpoint: https://a.example } }");
  assertEquals(policy.upstream, { name: "registry", base: "https://a.example/v2/", number: 0 });
  assertEquals(policy.upstreamVaries, false);
});

Deno.test("createRouting() has pages and a signature upstream when they are configured", () => {
  const none = routing(UPSTREAM).policy;
  assertEquals(
    [none.infoPage, none.privacyPage, none.signatureUpstream],
    [undefined, undefined, undefined],
  );
  const { policy } = routing(`
pages: { info: https://Info.example, privacy: "https://privacy.example/a/../b?c=d#e" }
upstreams:
  main: { endpoint: https://main.example }
  signed: { endpoint: https://signed.example }
signature_upstream: signed
`);
  assertEquals(policy.infoPage, "https://info.example/");
  assertEquals(policy.privacyPage, "https://privacy.example/b?c=d#e");
  assertEquals(policy.signatureUpstream, {
    name: "signed",
    base: "https://signed.example/v2/",
    number: 1,
  });
});

Deno.test("createRouting() finds repositories in the upstreams that they name", () => {
  const { policy } = routing(`
upstreams:
  main: { endpoint: https://main.example, path: images }
  other: { endpoint: https://other.example }
repositories:
  app: { upstream: other, as: acme/app }
  charts/*: { upstream: main, as: c/* }
  "*": {}
`);
  const table = [
    { asked: "app", expected: ["app", "https://other.example/v2/", "acme/app"] },
    { asked: "charts/a", expected: ["charts/*", undefined, "c/a"] },
    { asked: "charts", expected: ["*", undefined, "charts"] },
  ];
  for (const { asked, expected } of table) {
    const { pattern, upstream, name } = policy.findRepository!(asked)!;
    assertEquals([pattern, upstream?.base, name], expected);
  }
});

Deno.test("createRouting() needs no main upstream where every repository is elsewhere", () => {
  const { policy } = routing(`
upstreams:
  one: { endpoint: https://one.example }
  two: { endpoint: https://two.example }
repositories:
  a: { upstream: one }
  b: { upstream: two }
`);
  assertEquals(policy.findRepository!("b")?.upstream?.name, "two");
  assertEquals(policy.findRepository!("c"), undefined);
});
