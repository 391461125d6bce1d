/**
 * The examples of README.md and of all pages in `docs`: every transcript is played, every file
 * in them is read.
 *
 * In a `console` block a line that begins with `$ ` is a command, and what follows it
 * is what it prints, to either stream. In that, `…` stands for anything within a line,
 * and on a line of its own for any number of lines. An `sh` block is commands without
 * their output. A YAML or ini block is the file that its first line names. A `ts` block is a
 * module that `deno test --doc` runs.
 */

import {
  assertEquals,
  AssertionError,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { parse as parseYaml } from "@std/yaml";
import { toJsonSchema } from "@valibot/to-json-schema";
import metadata from "../deno.json" with { type: "json" };
import { VARIABLES } from "../lib/config/environment.ts";
import { readConfig } from "../lib/config/read.ts";
import { ConfigSchema } from "../lib/config/schema.ts";
import { listLocations } from "../lib/locations/data_set.ts";
import { EMBEDDED } from "../lib/locations/embedded.ts";
import { createBoard, createBoardMemory } from "../lib/mirrors/board.ts";
import { addLocated } from "../lib/observe/located.ts";
import { createEvents } from "../lib/observe/events.ts";
import { formatMetrics } from "../lib/observe/metrics.ts";
import {
  addNumbers,
  createNumbersMemory,
  MIRROR_REASONS,
  RESULTS,
  UPSTREAM_REASONS,
} from "../lib/observe/numbers.ts";
import { createPullLog } from "../lib/observe/pull_log.ts";

const ROOT = new URL("../", import.meta.url);
const README = Deno.readTextFileSync(new URL("README.md", ROOT));
const PAGES = readPages();
const DOCKERFILE = Deno.readTextFileSync(new URL("Dockerfile", ROOT));
const README_ADDRESS = "localhost:8080";

/** Commands that are not played, by how they begin, and why. */
const NOT_PLAYED: ReadonlyMap<string, string> = new Map([
  ["npx -y deno@2.9.6 task ", "npx fetches Deno; its tasks are looked for below"],
  ["deno task ranges:update", "fetches the providers' files, and writes into the sources"],
  ["docker ", "tests/e2e/image_e2e.ts plays them, with the base images that they need"],
  [
    "archeio check --config ghcr.yaml",
    "tests/e2e/start_e2e.ts plays it, with a ghcr.io of its own",
  ],
  ["archeio --config ghcr.yaml &", "the same"],
  ["until archeio health --config ghcr.yaml", "the same"],
  ["podman pull ", "the same"],
  [
    "archeio check --config broken.yaml",
    "tests/cli/check_test.ts plays it, with servers of its own",
  ],
  [
    "archeio fill --config filling.yaml",
    "tests/e2e/fill/filling_e2e.ts plays it, with a bucket of its own",
  ],
  ["archeio check --config filling.yaml", "the same"],
  ["archeio --config filling.yaml &", "the same"],
  ["until archeio health --config filling.yaml", "the same"],
  [
    "archeio prune --config filling.yaml",
    "tests/cli/fill_test.ts plays prune, with a store of its own",
  ],
  ["curl -s localhost:9090/status ", "tests/admin/status_test.ts plays its jq"],
  ["gcloud ", "needs a project in Google's cloud"],
  ["kubectl ", "needs a cluster; the file is checked below"],
  ["helm ", "needs a cluster; tests/packaging/chart_test.ts plays the chart"],
  ["systemctl ", "needs a running systemd; the unit is checked below"],
]);

/** The beginning in `NOT_PLAYED` of a command that is not played. */
function reasonNotToPlay(command: string): string | undefined {
  return [...NOT_PLAYED.keys()].find((begin) => command.startsWith(begin));
}

/** A page of the documentation. */
interface Page {
  /** From the project's folder: `docs/operation.md`. */
  readonly path: string;
  readonly text: string;
}

function readPages(): Page[] {
  const docs = [...Deno.readDirSync(new URL("docs/", ROOT))].map(({ name }) => name);
  const paths = docs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
  return ["README.md", ...paths.toSorted()].map((path) => ({
    path,
    text: Deno.readTextFileSync(new URL(path, ROOT)),
  }));
}

/** The text of a page. */
function pageAt(path: string): string {
  const page = PAGES.find((page) => page.path === path);
  if (page === undefined) throw new Error(`there is no page ${path}`);
  return page.text;
}

interface Block {
  readonly info: string;
  /** Where it is: `docs/operation.md:12`. */
  readonly at: string;
  readonly text: string;
}

function readBlocks({ path, text: markdown }: Page): Block[] {
  return [...markdown.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map((
    { 1: info, 2: text, index },
  ) => ({
    info: info!,
    at: `${path}:${markdown.slice(0, index).split("\n").length}`,
    text: text!,
  }));
}

const BLOCKS = PAGES.flatMap(readBlocks);

/** The text of the block that is the file of this name. */
function fileNamed(name: string): string {
  const block = BLOCKS.find(({ text }) => text.startsWith(`# ${name}\n`));
  if (block === undefined) throw new Error(`no page has a block that begins with "# ${name}"`);
  return block.text;
}

interface Step {
  readonly command: string;
  readonly expected: string;
}

function readTranscript(text: string): Step[] {
  return text.split(/^\$ /m).slice(1).map((step) => {
    const end = step.indexOf("\n");
    return { command: step.slice(0, end), expected: step.slice(end + 1) };
  });
}

/** Whether a command printed what a transcript says. */
function isPrinted(expected: string, printed: string): boolean {
  const pattern = expected.split("\n").slice(0, -1).map((line) =>
    line === "…" ? "(?:.*\\n)*" : line.split("…").map(RegExp.escape).join(".*") + "\\n"
  ).join("");
  return new RegExp(`^${pattern}$`).test(printed);
}

/** The environment without what the program reads. */
function plainEnvironment(): Record<string, string> {
  const environment = Deno.env.toObject();
  for (const variable of [...VARIABLES, "ARCHEIO_CONFIG"]) delete environment[variable];
  return { ...environment, NO_COLOR: "1" };
}

const MARK = "-- end of step --";

// `$?` is that of the command before, as in a shell that somebody types into.
function toScript(commands: readonly string[]): string {
  const steps = commands.map((command) =>
    `(exit $status)\n${command}\nstatus=$?\nprintf '%s\\n' '${MARK}'\n`
  );
  return `exec 2>&1
deno() { "$DENO" "$@"; }
archeio() { "$DENO" run --quiet -A --config "$ROOT/deno.json" "$ROOT/main.ts" "$@"; }
status=0
${steps.join("")}exit $status
`;
}

interface Played {
  readonly printed: readonly string[];
  readonly status: number;
}

/** Plays commands in one shell. */
async function play(commands: readonly string[], folder: string): Promise<Played> {
  const { stdout, code } = await new Deno.Command("sh", {
    args: ["-c", toScript(commands)],
    cwd: folder,
    clearEnv: true,
    env: { ...plainEnvironment(), DENO: Deno.execPath(), ROOT: `${import.meta.dirname}/..` },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
  const printed = text.split(`${MARK}\n`).slice(0, -1).map((step) =>
    step === "" || step.endsWith("\n") ? step : `${step}\n`
  );
  return { printed, status: code };
}

/** Plays a transcript, against the server at `address` where it asks one. */
async function playTranscript(text: string, folder: string, address = README_ADDRESS) {
  const steps = readTranscript(text);
  const { printed } = await play(
    steps.map(({ command }) => command.replaceAll(README_ADDRESS, address)),
    folder,
  );
  for (const [at, { command, expected }] of steps.entries()) {
    const output = printed[at];
    if (output !== undefined && isPrinted(expected, output)) continue;
    assertEquals(output, expected, `$ ${command}`);
  }
}

/** Runs `deno task start` until `use` is done. */
async function withServer(use: (address: string, printed: string) => Promise<void>): Promise<void> {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["task", "start"],
    cwd: ROOT,
    clearEnv: true,
    env: { ...plainEnvironment(), HOST: "127.0.0.1", PORT: "0" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { promise: started, resolve } = Promise.withResolvers<string>();
  const read = (async () => {
    let text = "";
    for await (const piece of server.stderr.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (/"message":"listening".*\n/.test(text)) resolve(text);
    }
    resolve(text);
  })();
  const text = await started;
  const address = /"url":"http:\/\/([^/]+)\/"/.exec(text)?.[1];
  try {
    if (address === undefined) throw new Error(`deno task start ended: ${text}`);
    await use(address, text.replaceAll(address, "[::]:8080"));
  } finally {
    if (address !== undefined) server.kill("SIGTERM");
    await server.status;
    await read;
  }
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const { text } of BLOCKS) {
      const name = /^# ([a-z_.]+\.yaml)\n/.exec(text)?.[1];
      if (name !== undefined) await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function canRun(program: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("a transcript's … stands for anything in a line, or for lines, and for nothing else", () => {
  const table = [
    { expected: "a\n", printed: "a\n", is: true },
    { expected: "a\n", printed: "b\n", is: false },
    { expected: "a\n", printed: "a\nb\n", is: false },
    { expected: "a\nb\n", printed: "a\n", is: false },
    { expected: "", printed: "", is: true },
    { expected: "", printed: "a\n", is: false },
    { expected: "a.c\n", printed: "abc\n", is: false },
    { expected: "a…c\n", printed: "a b c\n", is: true },
    { expected: "a…c\n", printed: "a\nc\n", is: false },
    { expected: "a\n…\n", printed: "a\n", is: true },
    { expected: "a\n…\nd\n", printed: "a\nb\nc\nd\n", is: true },
    { expected: "a\n…\nd\n", printed: "a\nb\nc\n", is: false },
  ];
  for (const { expected, printed, is } of table) {
    assertEquals(isPrinted(expected, printed), is, JSON.stringify({ expected, printed }));
  }
});

Deno.test({
  name: "a transcript with a wrong output is found out",
  ignore: !canRun("sh", "-c", "true"),
  async fn() {
    await withFolder(async (folder) => {
      await playTranscript("$ echo a; false\na\n$ echo $?\n1\n", folder);
      await assertRejects(() => playTranscript("$ echo a\nb\n", folder), AssertionError);
      await assertRejects(() => playTranscript("$ echo a\na\n$ echo b\n", folder), AssertionError);
    });
  },
});

Deno.test({
  name: "commands print what the pages say that they print (needs curl)",
  ignore: !canRun("sh", "-c", "command -v curl"),
  async fn(t) {
    await withFolder((folder) =>
      withServer(async (address, started) => {
        for (const { info, at, text } of BLOCKS) {
          if (info !== "console") continue;
          const [{ command, expected }] = readTranscript(text) as [Step];
          if (reasonNotToPlay(command) !== undefined) continue;
          await t.step(`${at}: ${command}`, async () => {
            if (command !== "deno task start") return await playTranscript(text, folder, address);
            if (!isPrinted(expected, started)) assertEquals(started, expected);
          });
        }
      })
    );
  },
});

Deno.test({
  name: "commands without output succeed, or a reason is given not to play them",
  ignore: !canRun("sh", "-c", "true"),
  async fn() {
    const unused = new Set(NOT_PLAYED.keys());
    const played: string[] = [];
    for (const { info, text } of BLOCKS) {
      if (info !== "sh" && info !== "console") continue;
      const lines = text.trimEnd().split("\n");
      const commands = info === "sh" ? lines : [readTranscript(text)[0]!.command];
      for (const command of commands) {
        const begin = reasonNotToPlay(command);
        if (begin !== undefined) unused.delete(begin);
        else if (info === "sh") played.push(command);
      }
    }
    assertEquals([...unused], [], "reasons that no command needs");
    await withFolder(async (folder) => {
      for (const command of played) {
        const { printed, status } = await play([command], folder);
        assertEquals(status, 0, `$ ${command}\n${printed[0]}`);
      }
    });
  },
});

/** Kinds of blocks without a file of their own in them. */
const KINDS = ["console", "sh", "mermaid", "json", "ts", "ts ignore", "text", "dockerfile", "diff"];

/** Files that are no configurations of archeio. */
const OTHER_FILES = [
  ...["broken.yaml", "service.yaml", "kubernetes.yaml", "values.yaml", "alerts.yaml"],
  "archeio-fill-cronjob.yaml",
  "/etc/systemd/system/archeio.service",
  "/etc/systemd/system/archeio-fill.service",
  "/etc/systemd/system/archeio-fill.timer",
];

Deno.test("blocks are all of a kind that is checked, and files are configurations", () => {
  const names = new Set<string>();
  for (const { info, at, text } of BLOCKS) {
    if (KINDS.includes(info)) continue;
    const [, name] = /^# (\S+)\n/.exec(text) ?? [];
    assertEquals(name !== undefined && !names.has(name), true, `${at}: a file with its own name`);
    names.add(name!);
    if (OTHER_FILES.includes(name!)) continue;
    assertEquals(info, "yaml", at);
    const read = readExample(text);
    assertEquals(read.kind === "mistakes" ? read.mistakes : [], [], at);
  }
  assertEquals(OTHER_FILES.filter((name) => !names.has(name)), []);
});

Deno.test("the pages name only tasks that there are, and the Deno of the Dockerfile", () => {
  const text = PAGES.map(({ text }) => text).join("\n");
  for (const { 1: task } of text.matchAll(/\bdeno(?:@[\d.]+)? task ([a-z\d:]+)/g)) {
    assertEquals(Object.hasOwn(metadata.tasks, task!), true, `deno task ${task}`);
  }
  const versions = [...text.matchAll(/\bdeno@([\d.]+)/g)].map(({ 1: version }) => version);
  const [, version] = /^FROM .*\bdenoland\/deno:([\d.]+)/m.exec(DOCKERFILE)!;
  assertEquals([...new Set(versions)], [version]);
});

Deno.test("the pages run this version of the image", () => {
  for (const { path, text } of PAGES) {
    for (const { 1: version } of text.matchAll(/\/archeio:(\d+\.\d+\.\d+)/g)) {
      assertEquals(version, metadata.version, path);
    }
  }
});

Deno.test("README.md has 250 lines at most", () => {
  assertEquals(README.trimEnd().split("\n").length <= 250, true);
});

Deno.test("docs/development.md names every dependency, docs/configuration.md every variable", () => {
  const imported = Object.keys(metadata.imports).map((specifier) =>
    specifier.replace(/^(@std\/[a-z]+).*/, "$1")
  );
  const [, dependencies] = pageAt("docs/development.md").split("\n## Dependencies\n");
  const listed = [...dependencies!.matchAll(/^\| (`.*?`) +\|/gm)]
    .flatMap(({ 1: names }) => names!.split(", ").map((name) => name.replaceAll("`", "")));
  assertEquals(listed.toSorted(), imported.toSorted());
  for (const variable of [...VARIABLES, "ARCHEIO_CONFIG"]) {
    assertStringIncludes(pageAt("docs/configuration.md"), `\`${variable}\``);
  }
});

function readExample(text: string) {
  return readConfig(text, { environment: () => undefined, embedded: listLocations(EMBEDDED) });
}

/** The names of a JSON Schema's keys, at any depth. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const nested = Object.values(schema).flatMap(keysOf);
  return "properties" in schema && !Array.isArray(schema)
    ? [...Object.keys(schema.properties as object), ...nested]
    : nested;
}

Deno.test("docs/operation.md names every metric, and no other", () => {
  const [, table] = pageAt("docs/operation.md").split("| metric ");
  const [rows] = table!.split("\n\n");
  const named = [...rows!.matchAll(/^\| (`.*?)\|/gm)].flatMap(({ 1: names }) =>
    [...names!.matchAll(/`(\w+)`/g)].map(({ 1: name }) => `archeio_${name}`)
  );
  const metrics = formatMetrics({
    totals: addNumbers([createNumbersMemory()]),
    board: createBoard(createBoardMemory()),
    mirrors: [],
    upstreams: [],
    lastCheck: () => undefined,
    probesInFlight: 0,
    dataSet: [],
    events: createEvents(),
    versions: {},
    isolates: 1,
    residentBytes: 0,
    cpuS: 0,
    located: addLocated([], new Map()),
    locations: [],
    startedS: 0,
  });
  const written = [...metrics.matchAll(/^# TYPE (archeio_\w+)/gm)].map(({ 1: name }) => name!);
  assertEquals(named.toSorted(), written.toSorted());
});

Deno.test("docs/operation.md names every reason and result that metrics tell", () => {
  for (const value of [...MIRROR_REASONS, ...UPSTREAM_REASONS, ...RESULTS]) {
    assertMatch(
      pageAt("docs/operation.md"),
      new RegExp(`^\\|.*\`(?:reason|result)\`:.*\`${value}\``, "m"),
    );
  }
});

Deno.test("docs/configuration.md's configuration is one, and has every key in it", () => {
  const example = fileNamed("archeio.yaml");
  const read = readExample(example);
  assertEquals(read.kind === "mistakes" ? read.mistakes : [], []);
  const schema = toJsonSchema(ConfigSchema, { typeMode: "input", errorMode: "ignore" });
  const keys = keysOf(schema);
  assertEquals(keys.includes("max_in_flight") && keys.includes("cert"), true);
  for (const key of keys) assertStringIncludes(example, `${key}:`);
});

Deno.test("docs/configuration.md's configuration states the defaults", () => {
  const stated: Record<string, string> = {};
  let section = "";
  for (const line of fileNamed("archeio.yaml").split("\n")) {
    const [, space, key, value] = /^( *)(\w+):.*?(?:default: (\S+))?$/.exec(line) ?? [];
    if (space === "") section = key!;
    if (value !== undefined && value !== "none") {
      stated[space === "" ? key! : `${section}.${key}`] = value;
    }
  }
  const read = readExample(
    "upstreams: { main: { endpoint: https://registry.example } }\nadmin: {}",
  );
  if (read.kind === "mistakes") throw new Error(read.mistakes.join("\n"));
  const defaults: Record<string, string> = { workers: String(read.config.workers) };
  for (
    const name of [
      "listen",
      "admin",
      "log",
      "client_address",
      "relay",
      "trace",
      "probe",
      "health",
    ] as const
  ) {
    for (const [key, value] of Object.entries(read.config[name]!)) {
      defaults[`${name}.${key}`] = String(value);
    }
  }
  assertEquals(stated, defaults);
});

Deno.test("each line of the pull log that the pages show is one", () => {
  const lines = BLOCKS.filter(({ info }) => info === "json").map(({ text }) => text);
  let written = "";
  const log = createPullLog({
    send: (lines) => void (written += new TextDecoder().decode(lines)),
    now: () => 0,
    later: () => () => {},
  });
  log.write({
    asked: { kind: "blob", name: "pause", digest: "sha256:7031", registered: true, query: "" },
    method: "GET",
    location: "aws/eu-west-3",
    to: "s3-paris",
    by: "mirror",
    reason: "found",
    userAgent: "containerd/1.7.24",
    id: undefined,
    asn: undefined,
  });
  log.flush();
  const keep = ({ "@timestamp": _, reference, ...rest }: Record<string, string>) => ({
    ...rest,
    reference: reference!.replace("…", ""),
  });
  assertEquals(lines.length, 2);
  for (const line of lines) assertEquals(keep(JSON.parse(line)), keep(JSON.parse(written)));
});

/** What of a value is in `like`, too. */
function pick(value: unknown, like: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(like)) {
    return value.map((each: unknown, at) => at in like ? pick(each, like[at]) : each);
  }
  if (typeof value !== "object" || value === null || typeof like !== "object") return value;
  const picked = Object.keys(like ?? {}).filter((key) => Object.hasOwn(value, key));
  const members = value as Record<string, unknown>;
  return Object.fromEntries(
    picked.map((key) => [key, pick(members[key], (like as Record<string, unknown>)[key])]),
  );
}

function assertHas(value: unknown, like: unknown): void {
  assertEquals(pick(value, like), like);
}

/** What stands in a value at a path such as `spec.ports.0.name`. */
function valueAt(value: unknown, path: string): unknown {
  return path.split(".").reduce(
    (within, name) => (within as Record<string, unknown> | undefined)?.[name],
    value,
  );
}

/** That an example runs this version of the image, by whatever registry and path. */
function assertRunsThisVersion(container: unknown): void {
  assertMatch(String(valueAt(container, "image")), /^\S+\.\S+\/archeio:[\d.]+$/);
  assertEquals(String(valueAt(container, "image")).split(":").at(-1), metadata.version);
}

const VERSION_CHECK = { httpGet: { path: "/v2/" } };
const PORT = Number(/^EXPOSE (\d+)$/m.exec(DOCKERFILE)?.[1]);
const [USER, GROUP] = /^USER (\d+):(\d+)$/m.exec(DOCKERFILE)!.slice(1).map(Number);

Deno.test("docs/deployment.md's Cloud Run service has what one needs", () => {
  const service = parseYaml(fileNamed("service.yaml"));
  assertHas(service, {
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    metadata: {
      name: "archeio",
      annotations: { "run.googleapis.com/ingress": "internal-and-cloud-load-balancing" },
    },
    spec: {
      template: {
        spec: {
          containers: [{
            env: [{ name: "ARCHEIO_CONFIG", value: "/etc/archeio/archeio.yaml" }],
            ports: [{ containerPort: PORT }],
            resources: { limits: { cpu: "1", memory: "512Mi" } },
            startupProbe: VERSION_CHECK,
            livenessProbe: VERSION_CHECK,
            volumeMounts: [{ name: "config", mountPath: "/etc/archeio" }],
          }],
          volumes: [{
            name: "config",
            secret: {
              secretName: "archeio-config",
              items: [{ key: "latest", path: "archeio.yaml" }],
            },
          }],
        },
      },
    },
  });
  assertRunsThisVersion(valueAt(service, "spec.template.spec.containers.0"));
  const scale = valueAt(service, "spec.template.metadata.annotations") as Record<string, string>;
  assertEquals(scale["run.googleapis.com/cpu-throttling"], "false");
  const { "autoscaling.knative.dev/minScale": least, "autoscaling.knative.dev/maxScale": most } =
    scale;
  assertEquals(Number(least) >= 1 && Number(most) > Number(least), true);
  // The commands that go with it make the secret, and roll out the service, where it says.
  for (
    const command of [
      "gcloud secrets create archeio-config --data-file=archeio.yaml",
      "gcloud run services replace service.yaml --region=europe-west1",
      "gcloud run services add-iam-policy-binding archeio --region=europe-west1 ",
    ]
  ) {
    assertStringIncludes(pageAt("docs/deployment.md"), `\n${command}`);
  }
});

Deno.test("docs/deployment.md's Kubernetes objects fit each other, and are hardened", () => {
  const objects = new Map<string, unknown>();
  for (const text of fileNamed("kubernetes.yaml").split(/^---$/m)) {
    const object = parseYaml(text) as { kind: string };
    assertEquals(valueAt(object, "metadata"), { name: "archeio" });
    assertEquals(objects.has(object.kind), false, object.kind);
    objects.set(object.kind, object);
  }
  const kinds = ["ConfigMap", "Deployment", "Service", "PodDisruptionBudget"];
  assertEquals([...objects.keys()], [...kinds, "HorizontalPodAutoscaler"]);
  const labels = { "app.kubernetes.io/name": "archeio" };
  const { data } = objects.get("ConfigMap") as { data: Record<string, string> };
  const read = readExample(data["archeio.yaml"]!);
  if (read.kind === "mistakes") throw new Error(read.mistakes.join("\n"));
  const { admin } = read.config;
  // The kubelet asks the pod's own address.
  assertEquals(admin?.host, "0.0.0.0");
  assertHas(objects.get("Deployment"), {
    apiVersion: "apps/v1",
    spec: {
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 15,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: USER,
            runAsGroup: GROUP,
            seccompProfile: { type: "RuntimeDefault" },
          },
          containers: [{
            args: ["--config", "/etc/archeio/archeio.yaml"],
            ports: [{ name: "http", containerPort: PORT }, {
              name: "admin",
              containerPort: admin?.port,
            }],
            readinessProbe: { httpGet: { path: "/readyz", port: "admin" } },
            livenessProbe: { httpGet: { path: "/healthz", port: "admin" } },
            lifecycle: { preStop: { sleep: { seconds: 5 } } },
            resources: { requests: { cpu: "500m", memory: "128Mi" }, limits: { memory: "256Mi" } },
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ["ALL"] },
            },
            volumeMounts: [{ name: "config", mountPath: "/etc/archeio", readOnly: true }],
          }],
          topologySpreadConstraints: [{
            maxSkew: 1,
            topologyKey: "topology.kubernetes.io/zone",
            whenUnsatisfiable: "ScheduleAnyway",
          }],
          volumes: [{ name: "config", configMap: { name: "archeio" } }],
        },
      },
    },
  });
  assertRunsThisVersion(valueAt(objects.get("Deployment"), "spec.template.spec.containers.0"));
  // The autoscaler's, which every other apply of the file would set back.
  assertEquals(valueAt(objects.get("Deployment"), "spec.replicas"), undefined);
  assertHas(objects.get("Service"), {
    apiVersion: "v1",
    spec: { ports: [{ name: "http", port: 80, targetPort: "http" }] },
  });
  assertHas(objects.get("PodDisruptionBudget"), {
    apiVersion: "policy/v1",
    spec: { maxUnavailable: 1 },
  });
  // All of them, and one label more would select no pod.
  for (
    const [kind, path] of [
      ["Deployment", "spec.selector.matchLabels"],
      ["Deployment", "spec.template.spec.topologySpreadConstraints.0.labelSelector.matchLabels"],
      ["Service", "spec.selector"],
      ["PodDisruptionBudget", "spec.selector.matchLabels"],
    ] as const
  ) {
    assertEquals(valueAt(objects.get(kind), path), labels, `${kind} ${path}`);
  }
  assertHas(objects.get("HorizontalPodAutoscaler"), {
    apiVersion: "autoscaling/v2",
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "archeio" },
      minReplicas: 3,
      maxReplicas: 20,
      // Of what the container requests.
      metrics: [{
        type: "Resource",
        resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } },
      }],
    },
  });
});

Deno.test({
  name:
    "docs/deployment.md's systemd unit is one, and its exposure is below 3 (needs systemd-analyze)",
  ignore: !canRun("systemd-analyze", "security", "--help"),
  async fn() {
    await withFolder(async (folder) => {
      const path = `${folder}/archeio.service`;
      const unit = fileNamed("/etc/systemd/system/archeio.service");
      // The program need not be installed here, but systemd wants it to be.
      await Deno.writeTextFile(path, unit.replace("/usr/local/bin/archeio", Deno.execPath()));
      const analyze = async (...args: string[]) => {
        const command = new Deno.Command("systemd-analyze", { args: [...args, path] });
        const { success, stdout, stderr } = await command.output();
        return {
          success,
          text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr),
        };
      };
      const verified = await analyze("verify");
      const mistakes = verified.text.split("\n").filter((line) => line.includes("archeio"));
      assertEquals([verified.success, mistakes], [true, []]);
      // The threshold is in tenths.
      const scored = await analyze("security", "--offline=true", "--threshold=30");
      assertEquals(scored.success, true, scored.text);
    });
  },
});

Deno.test("the Dockerfile copies what .dockerignore lets through", () => {
  const ignore = Deno.readTextFileSync(new URL(".dockerignore", ROOT));
  const letThrough = [...ignore.matchAll(/^!(.*)$/gm)].map(({ 1: path }) => path!);
  const copied = [...DOCKERFILE.matchAll(/^COPY (?!--)(.*) \S+$/gm)].flatMap(({ 1: sources }) =>
    sources!.split(" ")
  );
  assertStringIncludes(ignore, "\n*\n");
  assertEquals(copied.toSorted(), letThrough.toSorted());
});

Deno.test("the Dockerfile ends in an image without a root user or a shell", () => {
  const [, final] = DOCKERFILE.split(/^FROM gcr\.io\/distroless\/cc-debian12:nonroot@sha256:.*$/m);
  const lines = final!.split("\n");
  for (
    const line of [
      "USER 65532:65532",
      "EXPOSE 8080",
      "STOPSIGNAL SIGTERM",
      `HEALTHCHECK --interval=30s --timeout=6s --start-period=5s CMD ["/usr/local/bin/archeio", "health"]`,
      `ENTRYPOINT ["/usr/local/bin/archeio"]`,
    ]
  ) {
    assertEquals(lines.includes(line), true, line);
  }
  assertEquals(lines.filter((line) => /^(?:RUN|ADD|CMD|FROM)\b/.test(line)), []);
  assertStringIncludes(final!, `org.opencontainers.image.licenses="${metadata.license}"`);
});
