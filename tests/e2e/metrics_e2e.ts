/**
 * What the compiled program tells operators, for two workers: what promtool says of it,
 * and what a Prometheus that scrapes it knows.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Archeio, startArcheio } from "./archeio.ts";
import { ask, type AskOptions } from "./ask.ts";
import { findFreePorts } from "./free_ports.ts";
import { ensurePrograms } from "./programs.ts";
import { PROVIDERS } from "../../lib/locations/providers.ts";
import { type Sample, startPrometheus } from "./prometheus.ts";
import { readAlertRules } from "./alert_rules.ts";
import { runAnyhow } from "./run.ts";
import { createTempFolder } from "./temp_folder.ts";

const AWS = "35.180.1.1";
const GCP = "35.220.26.1";
// In no cloud: the networks for documentation are in Vultr's file.
const ELSEWHERE = "100.64.0.1";

/** A blob store or a registry that has what it is asked for, but for some digests. */
function startServer(statusOf: (digest: string) => number) {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = Deno.serve(options, ({ method, url }) => {
    const status = statusOf(url.slice(url.lastIndexOf("/") + 1));
    // Without it, newer versions of Deno answer HEAD as if the blob had no bytes.
    const headers = { "content-length": "4" };
    return new Response(method === "GET" ? "blob" : null, { status, headers });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function digestsFrom(first: number, count: number): string[] {
  const numbers = Array.from({ length: count }, (_, at) => first + at);
  return numbers.map((number) => `sha256:${number.toString(16).padStart(64, "0")}`);
}

const [KNOWN, BROKEN] = digestsFrom(0x10, 2);
const PARIS = digestsFrom(0x20, 5);
const NEW = digestsFrom(0x30, 3);
const SIGNATURES = digestsFrom(0x40, 2);
const OTHERS = digestsFrom(0x50, 4);

/** Starts a mirror that is well, one that is gone, upstreams, and archeio before them. */
async function startWorld(stack: AsyncDisposableStack) {
  const folder = stack.use(await createTempFolder()).path;
  const near = stack.use(startServer((digest) => {
    if (digest === BROKEN) return 500;
    return digest === KNOWN || PARIS.includes(digest) ? 200 : 404;
  }));
  const upstream = stack.use(
    startServer((digest) => SIGNATURES.includes(digest) ? 404 : 200),
  );
  const [gone] = findFreePorts(1);
  const archeio = stack.use(
    await startArcheio(
      folder,
      `
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
workers: 2
upstreams:
  main: { endpoint: "${upstream.url}", path: project/images }
  signatures: { endpoint: "${upstream.url}", path: project/signatures }
signature_upstream: signatures
mirrors:
  near: { url: "${near.url}/near" }
  gone: { url: "http://127.0.0.1:${gone}/gone" }
rules:
  - { clients: [ "gcp/*" ] }
  - { clients: [ aws/eu-west-3 ], mirrors: [ gone, near ] }
  - { clients: [ "*" ], mirrors: [ near ] }
health: { interval_ms: 100 }
`,
    ),
  );
  while (!(await scrape(archeio)).includes('archeio_mirror_up{mirror="gone"} 0\n')) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { folder, archeio };
}

const blob = (digest = "") => `/v2/app/blobs/${digest}`;
const manifest = (reference = "") => `/v2/app/manifests/${reference}`;
const from = (client: string): AskOptions => ({
  headers: [`x-forwarded-for: ${client}, 10.0.0.1`, "user-agent: marker"],
});

/** Requests, and by how much they raise what is counted. */
interface Asked {
  readonly targets: readonly string[];
  readonly options?: AskOptions;
  readonly status?: number;
  readonly raises: Readonly<Record<string, number>>;
}

// Each of the two workers asks the mirror once for a blob that both are asked for, and each
// digest of the others is asked for but once. HEAD requests are counted by mirror, and,
// with those to the upstream, in the histogram.
const ASKED: readonly Asked[] = [
  {
    targets: Array<string>(50).fill(blob(KNOWN)),
    options: from(ELSEWHERE),
    raises: {
      "requests code=307 route=blob": 50,
      "mirror_redirects mirror=near reason=found": 50,
      "location_redirects cloud=none region=none to=mirror": 50,
      "probes mirror=near result=found": 2,
      "probe_duration result=found": 2,
    },
  },
  {
    targets: PARIS.map(blob),
    options: from(AWS),
    raises: {
      "requests code=307 route=blob": 5,
      "mirror_redirects mirror=near reason=fallback": 5,
      "location_redirects cloud=aws region=eu-west-3 to=mirror": 5,
      "probes mirror=near result=found": 5,
      "probe_duration result=found": 5,
    },
  },
  {
    targets: NEW.map(blob),
    options: from(ELSEWHERE),
    raises: {
      "requests code=307 route=blob": 3,
      "upstream_redirects reason=missing upstream=main": 3,
      "location_redirects cloud=none region=none to=upstream": 3,
      "probes mirror=near result=missing": 3,
      "probe_duration result=missing": 3,
      "probe_duration result=found": 3,
    },
  },
  {
    targets: [blob(BROKEN)],
    options: from(ELSEWHERE),
    raises: {
      "requests code=307 route=blob": 1,
      "upstream_redirects reason=missing upstream=main": 1,
      "location_redirects cloud=none region=none to=upstream": 1,
      "probes mirror=near result=failed": 1,
      "probe_duration result=failed": 1,
      "probe_duration result=found": 1,
    },
  },
  {
    targets: SIGNATURES.map(blob),
    options: from(ELSEWHERE),
    raises: {
      "requests code=307 route=blob": 2,
      "upstream_redirects reason=signature upstream=signatures": 2,
      "location_redirects cloud=none region=none to=upstream": 2,
      "probes mirror=near result=missing": 2,
      "probe_duration result=missing": 4,
    },
  },
  {
    targets: OTHERS.map(blob),
    options: from(GCP),
    raises: {
      "requests code=307 route=blob": 4,
      "upstream_redirects reason=no_mirror upstream=main": 4,
      "location_redirects cloud=gcp region=europe-north1 to=upstream": 4,
      "probe_duration result=found": 4,
    },
  },
  {
    targets: ["v1", "v2", "v1", "v3"].map(manifest),
    raises: {
      "requests code=307 route=manifest_by_tag": 4,
      "upstream_redirects reason=registry upstream=main": 4,
    },
  },
  {
    targets: NEW.map(manifest),
    options: { method: "HEAD" },
    raises: {
      "requests code=307 route=manifest_by_digest": 3,
      "upstream_redirects reason=registry upstream=main": 3,
      "probe_duration result=found": 3,
    },
  },
  {
    targets: ["/v2/app/tags/list", "/v2/marker/tags/list?n=1"],
    raises: {
      "requests code=307 route=tags": 2,
      "upstream_redirects reason=registry upstream=main": 2,
    },
  },
  {
    targets: [`/v2/app/referrers/${KNOWN}`],
    raises: {
      "requests code=307 route=referrers": 1,
      "upstream_redirects reason=registry upstream=signatures": 1,
    },
  },
  { targets: ["/v2/", "/v2"], status: 200, raises: { "requests code=200 route=version": 2 } },
  { targets: ["/"], status: 404, raises: { "requests code=404 route=info": 1 } },
  {
    targets: ["/v2/_catalog"],
    status: 404,
    raises: { "requests code=404 route=catalog": 1 },
  },
  {
    targets: ["/v2/../../marker/manifests/v1", `/v2/Marker"}/manifests/v1`, "/v2/a/blobs/marker"],
    status: 400,
    raises: { "requests code=400 route=invalid": 3 },
  },
  {
    targets: ["/marker", "/v2/marker", "//marker/v2/", "/metrics?marker=1"],
    status: 404,
    raises: { "requests code=404 route=nothing": 4 },
  },
  {
    targets: [blob(KNOWN)],
    options: { method: "MARKER" },
    status: 405,
    raises: { "requests code=405 route=method": 1 },
  },
  {
    targets: [blob(KNOWN)],
    options: { headers: [`x-forwarded-for: marker"}, 10.0.0.1`] },
    status: 400,
    raises: { "requests code=400 route=blob": 1 },
  },
];

async function askAll({ url }: Archeio): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const { targets, options, status = 307, raises } of ASKED) {
    for (const target of targets) assertEquals(await ask(url, target, options), status, target);
    for (const [name, by] of Object.entries(raises)) sums[name] = (sums[name] ?? 0) + by;
  }
  return sums;
}

async function scrape({ admin }: Archeio): Promise<string> {
  const response = await fetch(`${admin}/metrics`);
  assertEquals(response.status, 200);
  return await response.text();
}

const COUNTED = '{__name__=~"archeio_(requests|.*_redirects|probes)_total|.*_duration_.*_count"}';

function nameOf({ labels: { __name__, job: _job, instance: _instance, ...labels } }: Sample) {
  const name = __name__!.replace(/^archeio_/, "").replace(/_total$|_seconds_count$/, "");
  return [name, ...Object.entries(labels).map((pair) => pair.join("=")).toSorted()].join(" ");
}

Deno.test("metrics: what two workers have done, as promtool and Prometheus read it", async (test) => {
  await ensurePrograms();
  await using stack = new AsyncDisposableStack();
  const { folder, archeio } = await startWorld(stack);
  const rules = await readAlertRules();
  const prometheus = stack.use(await startPrometheus({ folder, target: archeio.admin!, rules }));
  const expected = await askAll(archeio);

  await test.step("promtool has nothing to say against them", async () => {
    await Deno.writeTextFile(`${folder}/metrics`, await scrape(archeio));
    const checked = await runAnyhow("sh", ["-c", `promtool check metrics < "${folder}/metrics"`]);
    assertEquals(checked, { code: 0, out: "", err: "" });
  });

  await test.step("Prometheus scrapes them, and its numbers are what was pulled", async () => {
    await prometheus.catchUp();
    const samples = await prometheus.query(COUNTED);
    const counted = samples.filter(({ value }) => value > 0);
    assertEquals(
      Object.fromEntries(counted.map((sample) => [nameOf(sample), sample.value])),
      expected,
    );
    const value = async (expression: string) => (await prometheus.query(expression))[0]?.value;
    assertEquals(await value("archeio_workers"), 2);
    assertEquals(await value('archeio_mirror_up{mirror="near"}'), 1);
    assertEquals(await value('archeio_mirror_up{mirror="gone"}'), 0);
    assertEquals(await value('archeio_mirror_transitions_total{to="down"}'), 1);
    // What each worker has been told by the mirror is what it knows.
    const told = (result: string) => expected[`probes mirror=near result=${result}`]!;
    assertEquals(await value('archeio_known_blobs{state="found"}'), told("found"));
    assertEquals(
      await value('archeio_known_blobs{state="missing"}'),
      told("missing") + told("failed"),
    );
    assertEquals(await value("count(archeio_data_set_prefixes > 0)"), PROVIDERS.length);
    assertEquals(await value("count(up)"), 1);
  });

  await test.step("the rules of docs/operation.md find the mirror that is gone", async () => {
    const alerts = await prometheus.alerts();
    const down = alerts.filter(({ labels }) => labels.alertname === "ArcheioMirrorDown");
    assertEquals(down.map(({ labels, state }) => ({ mirror: labels.mirror, state })), [
      { mirror: "gone", state: "pending" },
    ]);
  });

  await test.step("no request brings a label's value, or a series", async () => {
    const before = await scrape(archeio);
    assertEquals(/marker/i.test(before), false);
    for (const { targets, options, status = 307 } of ASKED) {
      const again = {
        ...options,
        method: options?.method?.replace("MARKER", "SOMETHING") ?? "GET",
      };
      for (const target of new Set(targets)) {
        const other = target.replace("marker", "something").replace(/app|\ba\b/, "other");
        assertEquals(await ask(archeio.url, other, again), status, other);
      }
    }
    const seriesOf = (text: string) => text.split("\n").map((line) => line.replace(/ \S+$/, ""));
    const after = await scrape(archeio);
    assertEquals(seriesOf(after), seriesOf(before));
    assert(after !== before);
  });
});
