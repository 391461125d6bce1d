/** The workflows in `.github/workflows`: what they run, by which rights, from which sources. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse as parseYaml } from "@std/yaml";
import metadata from "../../deno.json" with { type: "json" };
import { ACTIONLINT, isMissing, pathOf } from "./tools.ts";

const FOLDER = new URL("../../.github/workflows/", import.meta.url).pathname;
const NAMES = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).toSorted();

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly uses?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly container?: { readonly image: string };
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

function readWorkflow(name: string): { readonly text: string; readonly workflow: Workflow } {
  const text = Deno.readTextFileSync(`${FOLDER}${name}`);
  return { text, workflow: parseYaml(text) as Workflow };
}

function stepsOf(workflow: Workflow): Step[] {
  return Object.values(workflow.jobs).flatMap(({ steps = [] }) => steps);
}

Deno.test("there is a workflow for each push, and one for each tag", () => {
  assertEquals(NAMES, ["gate.yml", "release.yml"]);
  assertEquals(readWorkflow("gate.yml").workflow.on.push, { branches: ["**"] });
  assertEquals(readWorkflow("release.yml").workflow.on, { push: { tags: ["v*"] } });
});

Deno.test("each step that runs something is a task", () => {
  for (const name of NAMES) {
    for (const { run } of stepsOf(readWorkflow(name).workflow)) {
      if (run === undefined) continue;
      const [, task] =
        /^deno task ([a-z:]+)(?: --push "ghcr\.io\/\$GITHUB_REPOSITORY")?$/.exec(run) ?? [];
      assert(task !== undefined && Object.hasOwn(metadata.tasks, task), `${name}: ${run}`);
    }
  }
});

Deno.test("a release has all that it is made of, after the gate", () => {
  const { jobs } = readWorkflow("release.yml").workflow;
  const runs = stepsOf(readWorkflow("release.yml").workflow).flatMap(({ run }) => run ?? []);
  const tasks = new Set(runs.map((run) => run.split(" ")[2]!));
  const expected = Object.keys(metadata.tasks).filter((task) => task.startsWith("release:"));
  assertEquals([...tasks].toSorted(), expected.toSorted());
  assertEquals(jobs.gate!.uses, "./.github/workflows/gate.yml");
  for (const [name, job] of Object.entries(jobs)) {
    if (name !== "gate") assertEquals((job as { needs?: string }).needs, "gate");
  }
});

Deno.test("workflows use nothing that can change, and have no more rights than they need", () => {
  for (const name of NAMES) {
    const { text, workflow } = readWorkflow(name);
    for (const { 1: uses } of text.matchAll(/^ *(?:- )?uses: (.*)$/gm)) {
      if (uses!.startsWith("./")) continue;
      assertMatch(uses!, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name);
    }
    for (const { uses, with: options } of stepsOf(workflow)) {
      if (uses?.startsWith("actions/checkout@")) {
        assertEquals(options?.["persist-credentials"], false);
      }
    }
    const permissions = Object.entries(workflow.permissions);
    assert(permissions.every(([right, access]) => right === "contents" && access === "read"), name);
    for (const { container } of Object.values(workflow.jobs)) {
      if (container !== undefined) assertMatch(container.image, /@sha256:[0-9a-f]{64}$/);
    }
  }
});

Deno.test("workflows use the Deno of the gate", () => {
  const gate = Deno.readTextFileSync(new URL("../../.ci/run", import.meta.url));
  const [, version] = /^newest="npx -y deno@([\d.]+)"$/m.exec(gate)!;
  for (const name of NAMES) {
    for (const { uses, with: options } of stepsOf(readWorkflow(name).workflow)) {
      if (uses?.startsWith("denoland/setup-deno@")) {
        assertEquals(options?.["deno-version"], `v${version}`);
      }
    }
  }
});

Deno.test({
  name: "actionlint finds nothing (needs actionlint: deno task tools)",
  ignore: isMissing(ACTIONLINT),
  async fn() {
    const { code, stdout, stderr } = await new Deno.Command(pathOf(ACTIONLINT), {
      args: ["-no-color", ...NAMES.map((name) => `${FOLDER}${name}`)],
    }).output();
    const decoder = new TextDecoder();
    assertEquals(code, 0, decoder.decode(stdout) + decoder.decode(stderr));
  },
});
