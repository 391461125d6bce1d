import { assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram, temporaryFile } from "./program.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const BLOB = `/v2/pause/blobs/${DIGEST}`;
const UPSTREAM = "https://us-central1-docker.pkg.dev/v2/k8s-artifacts-prod/images/";
const BUCKET =
  `https://prod-registry-k8s-io-eu-west-3.s3.dualstack.eu-west-3.amazonaws.com/containers/images/${DIGEST}`;

async function explain(address: string, path: string, ...options: string[]) {
  const { status, out, err } = await runProgram(["explain", "--json", ...options, address, path]);
  assertEquals({ status, err }, { status: 0, err: "" });
  return JSON.parse(out);
}

Deno.test("explain tells an AWS client's blob: location, prefix, rule, mirror, redirect", async () => {
  assertEquals(await explain("35.180.1.1", BLOB), {
    address: "35.180.1.1",
    path: BLOB,
    asked: "blob",
    location: "aws/eu-west-3",
    prefix: "35.180.0.0/16",
    repository: null,
    rule: { number: 25, clients: ["aws/eu-west-3"] },
    mirrors: [{ name: "s3-eu-west-3", location: BUCKET }],
    blobs: [],
    upstream: `${UPSTREAM}pause/blobs/${DIGEST}`,
    signatures: null,
    asks: ["s3-eu-west-3"],
    status: 307,
    redirect: BUCKET,
    error: null,
  });
});

Deno.test("explain tells where every kind of request goes", async () => {
  const table: { asked: [string, string]; expected: Record<string, unknown> }[] = [
    {
      asked: ["35.220.26.1", BLOB],
      expected: {
        location: "gcp/europe-north1",
        mirrors: [],
        redirect: `${UPSTREAM}pause/blobs/${DIGEST}`,
      },
    },
    {
      asked: ["10.0.0.1", "/v2/pause/manifests/3.9"],
      expected: {
        location: null,
        prefix: null,
        rule: null,
        redirect: `${UPSTREAM}pause/manifests/3.9`,
      },
    },
    { asked: ["10.0.0.1", "/v2/"], expected: { asked: "version", status: 200, redirect: null } },
    {
      asked: ["10.0.0.1", "/"],
      expected: { upstream: null, redirect: "https://github.com/kubernetes/registry.k8s.io" },
    },
    {
      asked: ["10.0.0.1", "/privacy"],
      expected: { upstream: null, redirect: "https://www.linuxfoundation.org/privacy-policy/" },
    },
  ];
  for (const { asked, expected } of table) {
    const explained = await explain(...asked);
    for (const [key, value] of Object.entries(expected)) assertEquals(explained[key], value, key);
  }
});

Deno.test("explain tells what is wrong with a request", async () => {
  const { status, redirect, error } = await explain("10.0.0.1", "/v2/../x/manifests/1");
  assertEquals({ status, redirect, code: error.code }, {
    status: 400,
    redirect: null,
    code: "NAME_INVALID",
  });
});

const SIGNED = `
upstreams: { main: { endpoint: https://a.example }, signatures: { endpoint: https://b.example } }
signature_upstream: signatures
mirrors: { m: { url: https://m.example/blobs } }
rules: [ { clients: [ "*" ], mirrors: [ m ] } ]
`;

Deno.test("explain takes an image's name as well", async () => {
  const explained = await explain("35.180.1.1", "registry.k8s.io/pause:3.9");
  const { path, redirect, blobs } = explained;
  assertEquals({ path, redirect, blobs }, {
    path: "/v2/pause/manifests/3.9",
    redirect: `${UPSTREAM}pause/manifests/3.9`,
    blobs: ["s3-eu-west-3"],
  });
  const wrong = await explain("35.180.1.1", "Pause:3.9");
  assertEquals(wrong.error.code, "NAME_INVALID");
});

const HOMES = `
upstreams: { main: { endpoint: https://a.example }, ghcr: { endpoint: https://ghcr.example } }
repositories: { app: { upstream: ghcr, as: acme/app }, "charts/*": { as: "c/*" } }
`;

Deno.test("explain tells in words which repository an image is in", async () => {
  using file = temporaryFile(HOMES);
  const lines = async (image: string) =>
    (await runProgram(["explain", "--config", file.path, "10.0.0.1", image])).out;
  const app = await lines("app:1.0");
  assertStringIncludes(app, "asks for    manifest by tag: /v2/app/manifests/1.0\n");
  assertStringIncludes(app, "repository  acme/app in the upstream ghcr, by the pattern app\n");
  assertStringIncludes(app, "answer      307 to https://ghcr.example/v2/acme/app/manifests/1.0\n");
  const chart = await lines("charts/web");
  assertStringIncludes(
    chart,
    "repository  c/web in the main upstream, or a rule's, by the pattern charts/*\n",
  );
  assertStringIncludes(await lines("other"), "answer      404 NAME_UNKNOWN: ");
});

Deno.test("explain tells of the signature upstream", async () => {
  using file = temporaryFile(SIGNED);
  const blob = await explain("10.0.0.1", BLOB, "--config", file.path);
  assertEquals(blob.signatures, `https://b.example/v2/pause/blobs/${DIGEST}`);
  const manifest = await explain(
    "10.0.0.1",
    `/v2/pause/manifests/${DIGEST}`,
    "--config",
    file.path,
  );
  assertEquals(manifest.redirect, `https://a.example/v2/pause/manifests/${DIGEST}`);
  assertEquals(manifest.signatures, `https://b.example/v2/pause/manifests/${DIGEST}`);
});

Deno.test("explain tells in words of what is relayed", async () => {
  const relaying = "upstreams: { main: { endpoint: https://ghcr.example, pull: relay } }\n";
  const mirrors = "mirrors: { cdn: { url: https://cdn.example } }\n" +
    'rules: [{ clients: ["*"], mirrors: [cdn] }]\n';
  const signatures = `
upstreams:
  main: { endpoint: https://ghcr.example, pull: relay }
  signatures: { endpoint: https://b.example }
signature_upstream: signatures
`;
  const from = "200, fetched from the upstream main for the client, or its own redirect";
  const table = [
    { config: relaying, path: "/v2/app/manifests/1", expected: from },
    { config: relaying, path: BLOB, expected: from },
    {
      config: relaying + mirrors,
      path: BLOB,
      expected: `307 to the first mirror that has the blob, else ${from}`,
    },
    {
      config: signatures,
      path: BLOB,
      expected: `${from}; from the signature upstream when the upstream does not have it`,
    },
  ];
  for (const { config, path, expected } of table) {
    using file = temporaryFile(config);
    const { out } = await runProgram(["explain", "--config", file.path, "192.0.2.1", path]);
    assertStringIncludes(out, `answer      ${expected}\n`);
  }
});

Deno.test("explain says it in words, too", async () => {
  const lines = async (...args: string[]) => (await runProgram(["explain", ...args])).out;
  const blob = await lines("35.180.1.1", BLOB);
  assertStringIncludes(blob, "location    aws/eu-west-3, by the prefix 35.180.0.0/16\n");
  assertStringIncludes(blob, "rule        25, for aws/eu-west-3\n");
  assertStringIncludes(blob, `mirror 1    s3-eu-west-3: ${BUCKET}\n`);
  assertStringIncludes(
    blob,
    "answer      307 to the first mirror that has the blob, else to the upstream\n",
  );
  const manifest = await lines("10.0.0.1", "/v2/pause/manifests/3.9");
  assertStringIncludes(manifest, "location    none\n");
  assertStringIncludes(manifest, `answer      307 to ${UPSTREAM}pause/manifests/3.9\n`);
  assertStringIncludes(manifest, "blobs       from cloudfront, else the upstream\n");
  assertStringIncludes(await lines("10.0.0.1", "/v2/"), "answer      200\n");
  assertStringIncludes(await lines("10.0.0.1", "/x"), "answer      404 UNSUPPORTED: not found\n");
  using file = temporaryFile(SIGNED);
  const signed = await lines("--config", file.path, "10.0.0.1", BLOB);
  assertStringIncludes(signed, "signatures  https://b.example/");
  assertStringIncludes(signed, "; to the signature upstream when the upstream does not have it\n");
});
