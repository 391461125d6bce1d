/** The Helm chart in `docs/deploy/helm`: its schema, and the objects that it makes. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse as parseYaml, stringify } from "@std/yaml";
import metadata from "../../deno.json" with { type: "json" };
import { readConfig } from "../../lib/config/read.ts";
import { listLocations } from "../../lib/locations/data_set.ts";
import { EMBEDDED } from "../../lib/locations/embedded.ts";
import { HELM, isMissing, pathOf } from "./tools.ts";

const CHART = new URL("../../docs/deploy/helm", import.meta.url).pathname;
const DOCKERFILE = Deno.readTextFileSync(new URL("../../Dockerfile", import.meta.url));
const ignore = isMissing(HELM);

// deno-lint-ignore no-explicit-any
type Kubernetes = any;

const CONFIG = {
  client_address: { from_end: 1 },
  upstreams: { main: { endpoint: "https://us-docker.example", path: "project/images" } },
  mirrors: { cdn: { url: "https://cdn.example/images" } },
  rules: [{ clients: ["*"], mirrors: ["cdn"] }],
};

const INGRESS = { enabled: true, host: "images.example", tlsSecret: "images-tls" };
const GATEWAY = { ...INGRESS, className: "gke-l7-global-external-managed" };

/** Values that switch everything on. */
const EVERYTHING = {
  config: CONFIG,
  secrets: [{ name: "hub", mountPath: "/run/secrets/hub" }],
  adminToken: { secret: "admin", key: "token" },
  ingress: INGRESS,
  gateway: GATEWAY,
  serviceMonitor: { enabled: true },
  fill: { enabled: true, credentialsSecret: "stores", state: { claim: "manifests" } },
};

async function helm(command: string, values: unknown, ...more: string[]) {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/values.yaml`;
    await Deno.writeTextFile(file, stringify(values));
    const { code, stdout, stderr } = await new Deno.Command(pathOf(HELM), {
      args: [...command.split(" "), CHART, "--values", file, ...more],
      env: { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder },
    }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The objects of a release named `images`, by kind and name. */
async function render(values: unknown, ...more: string[]): Promise<Map<string, Kubernetes>> {
  const { code, out, err } = await helm("template images", values, ...more);
  assertEquals(code, 0, err);
  const objects = out.split(/^---$/m).map(parseYaml).filter((object) => object !== null);
  const named = (objects as Kubernetes[]).map((object): [string, Kubernetes] => [
    `${object.kind} ${object.metadata.name}`,
    object,
  ]);
  assertEquals(new Set(named.map(([name]) => name)).size, named.length, "each has its own name");
  return new Map(named);
}

function podsOf(objects: ReadonlyMap<string, Kubernetes>) {
  return {
    server: objects.get("Deployment images-archeio").spec.template,
    fill: objects.get("CronJob images-archeio-fill")?.spec.jobTemplate.spec.template,
    test: objects.get("Pod images-archeio-test"),
  };
}

const BY_DEFAULT = [
  "Deployment images-archeio",
  "HorizontalPodAutoscaler images-archeio",
  "NetworkPolicy images-archeio",
  "Pod images-archeio-test",
  "PodDisruptionBudget images-archeio",
  "Service images-archeio",
  "Service images-archeio-admin",
  "ServiceAccount images-archeio",
];

Deno.test("the chart is of the program's version", async () => {
  const chart = parseYaml(await Deno.readTextFile(`${CHART}/Chart.yaml`)) as Kubernetes;
  assertEquals([chart.version, chart.appVersion], [metadata.version, metadata.version]);
});

Deno.test({
  name: "the chart is one, by default and with everything (needs helm: deno task tools)",
  ignore,
  async fn() {
    for (const values of [{}, { config: CONFIG }, EVERYTHING]) {
      const { code, out } = await helm("lint --strict", values);
      assertEquals(code, 0, out);
    }
  },
});

Deno.test({
  name: "the chart takes the values that the documentation shows",
  ignore,
  async fn() {
    const page = await Deno.readTextFile(new URL("../../docs/deployment.md", import.meta.url));
    const [, shown] = /^```yaml\n(# values\.yaml\n[^]*?)^```$/m.exec(page)!;
    const objects = await render(parseYaml(shown!));
    for (const kind of ["ConfigMap", "Ingress", "ServiceMonitor"]) {
      assert(objects.has(`${kind} images-archeio`), kind);
    }
  },
});

Deno.test({
  name: "the chart makes what its values switch on",
  ignore,
  async fn() {
    const added = [
      "ConfigMap images-archeio",
      "CronJob images-archeio-fill",
      "Gateway images-archeio",
      "HTTPRoute images-archeio",
      "Ingress images-archeio",
      "NetworkPolicy images-archeio-fill",
      "ServiceAccount images-archeio-fill",
      "ServiceMonitor images-archeio",
    ];
    const nothing = {
      autoscaling: { enabled: false },
      podDisruptionBudget: { enabled: false },
      networkPolicy: { enabled: false },
    };
    const table = [
      { asked: {}, expected: BY_DEFAULT },
      { asked: EVERYTHING, expected: [...BY_DEFAULT, ...added] },
      {
        asked: nothing,
        expected: BY_DEFAULT.filter((name) => !/^(?:Hor|Network|PodDis)/.test(name)),
      },
    ];
    for (const { asked, expected } of table) {
      assertEquals([...(await render(asked)).keys()].toSorted(), expected.toSorted());
    }
  },
});

Deno.test({
  name: "the chart's objects select the pods that they are for",
  ignore,
  async fn() {
    const objects = await render(EVERYTHING);
    const { server, fill, test } = podsOf(objects);
    const selects = (selector: Record<string, string>, pod: Kubernetes) =>
      Object.entries(selector).every(([label, value]) => pod.metadata.labels[label] === value);
    const table = [
      { asked: "Deployment images-archeio", at: "matchLabels", expected: ["server"] },
      { asked: "Service images-archeio", at: "", expected: ["server"] },
      { asked: "Service images-archeio-admin", at: "", expected: ["server"] },
      { asked: "PodDisruptionBudget images-archeio", at: "matchLabels", expected: ["server"] },
      { asked: "NetworkPolicy images-archeio", at: "matchLabels", expected: ["server"] },
      { asked: "NetworkPolicy images-archeio-fill", at: "matchLabels", expected: ["fill"] },
    ];
    for (const { asked, at, expected } of table) {
      const { spec } = objects.get(asked);
      const selector = spec.selector ?? spec.podSelector;
      const found = Object.entries({ server, fill, test }).filter(([, pod]) =>
        selects(at === "" ? selector : selector[at], pod)
      );
      assertEquals(found.map(([name]) => name), expected, asked);
    }
    const { labels } = objects.get("Service images-archeio-admin").metadata;
    const monitor = objects.get("ServiceMonitor images-archeio").spec;
    assert(selects(monitor.selector.matchLabels, { metadata: { labels } }));
    assert(!selects(monitor.selector.matchLabels, objects.get("Service images-archeio")));
    assertEquals(monitor.endpoints[0].authorization, {
      credentials: { name: "admin", key: "token" },
    });
    const [rule] = objects.get("Ingress images-archeio").spec.rules;
    assertEquals(rule.http.paths[0].backend.service.name, "images-archeio");
    const [route] = objects.get("HTTPRoute images-archeio").spec.rules;
    assertEquals(route.backendRefs, [{ name: "images-archeio", port: 80 }]);
    const target = objects.get("HorizontalPodAutoscaler images-archeio").spec.scaleTargetRef;
    assertEquals(target, { apiVersion: "apps/v1", kind: "Deployment", name: "images-archeio" });
  },
});

Deno.test({
  name: "the chart's pods are hardened, run this version, and have the ports of the Services",
  ignore,
  async fn() {
    const objects = await render(EVERYTHING);
    const [, user, group] = /^USER (\d+):(\d+)$/m.exec(DOCKERFILE)!;
    for (const [name, pod] of Object.entries(podsOf(objects))) {
      const { containers: [container], ...spec } = pod.spec;
      assertEquals(container.image, `registry.example/archeio:${metadata.version}`, name);
      assertEquals(spec.automountServiceAccountToken, false, name);
      const { runAsNonRoot, runAsUser, runAsGroup, seccompProfile } = spec.securityContext;
      assertEquals({ runAsNonRoot, runAsUser, runAsGroup, seccompProfile }, {
        runAsNonRoot: true,
        runAsUser: Number(user),
        runAsGroup: Number(group),
        seccompProfile: { type: "RuntimeDefault" },
      }, name);
      assertEquals(container.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      }, name);
      const volumes = (spec.volumes ?? []).map((volume: Kubernetes) => volume.name);
      const mounts = (container.volumeMounts ?? []).map((mount: Kubernetes) => mount.name);
      assertEquals(mounts.toSorted(), volumes.toSorted(), name);
    }
    const { server, fill } = podsOf(objects);
    const [container] = server.spec.containers;
    const ports = container.ports.map((port: Kubernetes) => port.name);
    assertEquals(ports, ["http", "admin"]);
    assertEquals(objects.get("Service images-archeio").spec.ports[0].targetPort, "http");
    const env = Object.fromEntries(
      container.env.map((each: Kubernetes) => [each.name, each.value]),
    );
    assertEquals([env.PORT, env.ADMIN_PORT], ["8080", "9090"]);
    assertEquals(container.args, ["serve", "--config", "/etc/archeio/archeio.yaml"]);
    assertEquals(container.readinessProbe.httpGet, { path: "/readyz", port: "admin" });
    const [filler] = fill.spec.containers;
    assertEquals(filler.args, ["fill", "--config", "/etc/archeio/archeio.yaml"]);
    assertEquals(filler.envFrom, [{ secretRef: { name: "stores" } }]);
    const { spec } = objects.get("CronJob images-archeio-fill");
    assertEquals([spec.concurrencyPolicy, spec.jobTemplate.spec.backoffLimit], ["Forbid", 0]);
  },
});

Deno.test({
  name: "a change of the chart's configuration rolls out, and nothing else of it does",
  ignore,
  async fn() {
    const checksumOf = async (values: unknown) =>
      podsOf(await render(values)).server.metadata.annotations["checksum/config"];
    const before = await checksumOf({ config: CONFIG });
    assertMatch(before, /^[0-9a-f]{64}$/);
    const config = { ...CONFIG, client_address: { from_end: 2 } };
    assert(await checksumOf({ config }) !== before);
    assertEquals(await checksumOf({ config: CONFIG, service: { port: 8000 } }), before);
  },
});

Deno.test({
  name: "the chart's ConfigMap holds the configuration, which is one",
  ignore,
  async fn() {
    const objects = await render({ config: CONFIG });
    const text = objects.get("ConfigMap images-archeio").data["archeio.yaml"];
    assertEquals(parseYaml(text), CONFIG);
    const options = { environment: () => undefined, embedded: listLocations(EMBEDDED) };
    const read = readConfig(text, options);
    assertEquals(read.kind === "mistakes" ? read.mistakes : [], []);
    const withToken = (await render(EVERYTHING)).get("ConfigMap images-archeio");
    const { admin } = parseYaml(withToken.data["archeio.yaml"]) as Kubernetes;
    assertEquals(admin, { token_file: "/run/secrets/admin/token" });
  },
});

Deno.test({
  name: "the chart's servers read the state of filling where they are told to",
  ignore,
  async fn() {
    const state = { claim: "manifests", servers: true };
    const config = { ...CONFIG, fill: { repositories: ["app"] } };
    const objects = await render({ config, fill: { enabled: true, state } });
    const { server, fill } = podsOf(objects);
    for (const [pod, isServer] of [[server, true], [fill, false]]) {
      const [mount] = pod.spec.containers[0].volumeMounts;
      assertEquals([mount.name, mount.mountPath], ["state", "/var/lib/archeio"]);
      assertEquals(mount.readOnly === true, isServer);
      const [volume] = pod.spec.volumes;
      assertEquals(volume.persistentVolumeClaim.claimName, "manifests");
    }
    const text = objects.get("ConfigMap images-archeio").data["archeio.yaml"];
    const read = readConfig(text, { environment: () => undefined, embedded: [] });
    assertEquals(read.kind === "config" && read.config.fill?.state, "/var/lib/archeio");
  },
});

Deno.test({
  name: "the chart keeps clouds' credentials from the server, and TLS at the edge",
  ignore,
  async fn() {
    const objects = await render(EVERYTHING);
    const { spec } = objects.get("NetworkPolicy images-archeio");
    assertEquals(spec.policyTypes, ["Ingress", "Egress"]);
    const blocks = spec.egress[1].to.map((peer: Kubernetes) => peer.ipBlock.except).flat();
    assert(blocks.includes("169.254.0.0/16"));
    assertEquals(spec.ingress[0].from, undefined);
    assertEquals(spec.ingress[1].ports, [{ port: "admin", protocol: "TCP" }]);
    assertEquals(objects.get("Ingress images-archeio").spec.tls, [
      { hosts: ["images.example"], secretName: "images-tls" },
    ]);
    const [listener] = objects.get("Gateway images-archeio").spec.listeners;
    assertEquals([listener.protocol, listener.tls.certificateRefs[0].name], [
      "HTTPS",
      "images-tls",
    ]);
    const parents = { enabled: true, host: "images.example", parentRefs: [{ name: "shared" }] };
    const shared = await render({ gateway: parents });
    assertEquals(shared.has("Gateway images-archeio"), false);
    assertEquals(shared.get("HTTPRoute images-archeio").spec.parentRefs, [{ name: "shared" }]);
  },
});

Deno.test({
  name: "the chart refuses values that make no sense, and names them",
  ignore,
  async fn() {
    const table = [
      { asked: { replica: 3 }, expected: "replica" },
      { asked: { ports: { http: 80800, admin: 9090 } }, expected: "http" },
      { asked: { image: { digest: "sha256:12" } }, expected: "digest" },
      { asked: { ingress: { enabled: true } }, expected: "host" },
      { asked: { ingress: { enabled: true, host: "images.example" } }, expected: "tlsSecret" },
      { asked: { gateway: { enabled: true, host: "images.example" } }, expected: "gateway" },
      { asked: { fill: { enabled: true } }, expected: "config" },
      { asked: { adminToken: { secret: "admin" } }, expected: "config" },
      { asked: { config: CONFIG, fill: { state: { servers: true } } }, expected: "claim" },
      { asked: { config: { ...CONFIG, listen: { port: 80 } } }, expected: "listen" },
      { asked: { networkPolicy: { to: null } }, expected: "networkPolicy" },
      { asked: { logLevel: "trace" }, expected: "logLevel" },
    ];
    for (const { asked, expected } of table) {
      const { code, err } = await helm("template images", asked);
      assertEquals(code, 1, JSON.stringify(asked));
      assertStringIncludes(err, expected, JSON.stringify(asked));
    }
  },
});

Deno.test({
  name: "each value of the chart is described, and each description is of a value",
  async fn() {
    const schema = JSON.parse(await Deno.readTextFile(`${CHART}/values.schema.json`));
    const values = parseYaml(await Deno.readTextFile(`${CHART}/values.yaml`)) as Kubernetes;
    const { global: _, ...described } = schema.properties;
    assertEquals(Object.keys(described).toSorted(), Object.keys(values).toSorted());
    for (const [name, value] of Object.entries(values)) {
      const { description, properties } = described[name];
      assert(description.endsWith("."), name);
      if (properties === undefined || name === "config") continue;
      assertEquals(Object.keys(properties).toSorted(), Object.keys(value as object).toSorted());
    }
  },
});
