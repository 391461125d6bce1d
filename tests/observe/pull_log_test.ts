import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createPullLog, type Pull, type PullLog } from "../../lib/observe/pull_log.ts";
import { createVirtualClock, type VirtualClock } from "../mirrors/virtual_clock.ts";
import { BEGUN, DIGEST, readLines } from "../redirect/fixture.ts";

const PULL: Pull = {
  asked: { kind: "tags", name: "kube-proxy", query: "" },
  method: "GET",
  location: "aws/eu-west-3",
  to: "main",
  by: "upstream",
  reason: "registry",
  userAgent: "curl/8",
  id: undefined,
  asn: undefined,
};

interface Written {
  readonly log: PullLog;
  readonly sent: string[];
  readonly clock: VirtualClock;
}

function createWritten(): Written {
  const sent: string[] = [];
  const clock = createVirtualClock(BEGUN);
  const log = createPullLog({
    send: (lines) => void sent.push(new TextDecoder().decode(lines)),
    now: clock.now,
    later: clock.later,
  });
  return { log, sent, clock };
}

const TAGS = { kind: "tags", reference: null, upstream: "main" };

Deno.test("a pull log writes a line of JSON for each kind of pull", () => {
  const cases: readonly { pull: Partial<Pull>; expected: Readonly<Record<string, unknown>> }[] = [
    { pull: {}, expected: TAGS },
    {
      pull: {
        asked: { kind: "manifest_by_tag", name: "a/b", tag: "v1", signature: false, query: "?a" },
        method: "HEAD",
      },
      expected: { kind: "manifest", repository: "a/b", reference: "v1", upstream: "main" },
    },
    {
      pull: {
        asked: {
          kind: "manifest_by_digest",
          name: "a",
          digest: DIGEST,
          registered: true,
          query: "",
        },
      },
      expected: { kind: "manifest", repository: "a", reference: DIGEST, upstream: "main" },
    },
    {
      pull: {
        asked: { kind: "referrers", name: "a", digest: DIGEST, registered: true, query: "" },
        location: undefined,
        userAgent: null,
      },
      expected: {
        kind: "referrers",
        repository: "a",
        reference: DIGEST,
        location: null,
        upstream: "main",
      },
    },
    {
      pull: {
        asked: { kind: "blob", name: "a", digest: DIGEST, registered: true, query: "" },
        to: "cdn",
        by: "mirror",
      },
      expected: { kind: "blob", repository: "a", reference: DIGEST, mirror: "cdn" },
    },
    { pull: { reason: "signature" }, expected: { ...TAGS, reason: "signature" } },
    { pull: { id: "ab".repeat(16) }, expected: { ...TAGS, request_id: "ab".repeat(16) } },
    { pull: { asn: "AS64496" }, expected: { ...TAGS, client_asn: "AS64496" } },
    { pull: { asn: null }, expected: { ...TAGS, client_asn: null } },
  ];
  for (const { pull, expected } of cases) {
    const { log, sent } = createWritten();
    log.write({ ...PULL, ...pull });
    log.flush();
    const [line, ...more] = readLines(sent.join(""));
    assertEquals(more, []);
    const { asked: _, by: __, to: ___, id: ____, asn: _____, userAgent, ...same } = {
      ...PULL,
      ...pull,
    };
    assertEquals(line, {
      "@timestamp": "2026-01-01T00:00:00.000Z",
      message: "pull",
      repository: "kube-proxy",
      user_agent: userAgent,
      ...same,
      ...same.location === undefined ? { location: null } : {},
      ...expected,
    });
  }
});

Deno.test("a pull log hands lines on together, a tenth of a second after the first", async () => {
  const { log, sent, clock } = createWritten();
  log.write(PULL);
  await clock.pass(60);
  log.write(PULL);
  await clock.pass(39);
  assertEquals(sent, []);
  await clock.pass(1);
  assertEquals(sent.map((lines) => readLines(lines).length), [2]);
  log.write(PULL);
  await clock.pass(100);
  assertEquals(
    readLines(sent.join("")).map((line) => line["@timestamp"]),
    ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.100Z"],
  );
  assertEquals(clock.waiting, 0);
});

Deno.test("a pull log that has nothing hands nothing on, and waits for nothing", () => {
  const { log, sent, clock } = createWritten();
  log.flush();
  log.write(PULL);
  log.flush();
  log.flush();
  assertEquals(sent.length, 1);
  assertEquals(clock.waiting, 0);
});

Deno.test("a pull log hands lines on at once when there are many, each of them whole", () => {
  const { log, sent } = createWritten();
  const longest = "x".repeat(200);
  for (let count = 0; count < 1000; count++) log.write({ ...PULL, userAgent: longest });
  assert(sent.length > 1);
  for (const lines of sent) assert(lines.length < 66_000 && lines.endsWith("}\n"));
  log.flush();
  assertEquals(readLines(sent.join("")).length, 1000);
});

Deno.test("a pull log cuts off a long user agent, and remembers few of them", () => {
  const { log, sent } = createWritten();
  const agents = [
    ...Array.from({ length: 2500 }, (_, at) => `agent/${at}`),
    "a".repeat(256),
    "b".repeat(257),
    "c".repeat(60_000),
    "agent/7",
  ];
  for (const userAgent of [...agents, ...agents]) log.write({ ...PULL, userAgent });
  log.flush();
  const told = readLines(sent.join("")).map((line) => line.user_agent);
  const expected = agents.map((agent) => agent.slice(0, 256));
  assertEquals(told, [...expected, ...expected]);
});

Deno.test("a pull log cuts off a repository or a digest that is longer than any should be", () => {
  const { log, sent } = createWritten();
  const name = "a".repeat(60_000);
  const digest = `other:${"b".repeat(60_000)}`;
  for (let time = 0; time < 2; time++) {
    log.write({ ...PULL, asked: { kind: "blob", name, digest, registered: false, query: "" } });
  }
  for (let number = 0; number < 2500; number++) {
    log.write({ ...PULL, asked: { kind: "tags", name: `a/${number}`, query: "" } });
  }
  log.flush();
  const lines = readLines(sent.join(""));
  for (const { repository, reference } of lines.slice(0, 2)) {
    assertEquals(repository, name.slice(0, 256));
    assertEquals(reference, digest.slice(0, 256));
  }
  assertEquals(lines.at(-1)!.repository, "a/2499");
});

Deno.test("a pull log stays lines of JSON, whatever a client says that it is", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 400 }), (userAgent) => {
    const { log, sent } = createWritten();
    log.write({ ...PULL, userAgent });
    log.write({ ...PULL, userAgent });
    log.flush();
    const text = sent.join("");
    assertEquals(text.split("\n").length, 3);
    const agents = readLines(text).map((line) => line.user_agent);
    assertEquals(agents, [userAgent.slice(0, 256), userAgent.slice(0, 256)]);
  }));
});
