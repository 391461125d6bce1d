/**
 * Looks at all that a configuration names, and says what is to be changed.
 *
 * @module
 */

import { formatPath } from "../config/mapping.ts";
import type { PulledBlob } from "../mirrors/template.ts";
import type { Mirror } from "../routing/policy.ts";
import { type Ask, createAsk, type Tools } from "./ask.ts";
import { createFindings, type Finding } from "./finding.ts";
import { judgeMirror } from "./judge_mirror.ts";
import { judgeUpstream } from "./judge_upstream.ts";
import type { Plan, UpstreamPlan } from "./plan.ts";
import { createSeeMirror } from "./see_mirror.ts";
import { createSeeUpstream, type SeenUpstream } from "./see_upstream.ts";

/**
 * Looks at one kind of part. Each gets some blobs that the upstreams have. A new kind, such as
 * stores, has a function of this type in {@linkcode LOOKS}.
 */
type Look = (plan: Plan, how: How) => Promise<Finding[]>;

interface How {
  readonly ask: Ask;
  readonly tools: Tools;
  readonly sample: readonly PulledBlob[];
}

const LOOKS: readonly Look[] = [lookAtMirrors];

/**
 * Looks at all parts of a plan. When `tools.stop` is aborted, the parts that are left over are
 * said not to have been tried. The promise never rejects.
 *
 * @returns the findings, of upstreams first
 */
export async function findAll(plan: Plan, tools: Tools): Promise<Finding[]> {
  const ask = createAsk(tools);
  const { findings, sample } = await lookAtUpstreams(plan, { ask, tools });
  const others = await Promise.all(LOOKS.map((look) => look(plan, { ask, tools, sample })));
  return [...findings, ...others.flat()];
}

async function lookAtUpstreams({ upstreams }: Plan, { ask, tools }: Omit<How, "sample">) {
  const see = createSeeUpstream(ask, tools);
  const seen: { readonly plan: UpstreamPlan; readonly seen: SeenUpstream }[] = [];
  const findings = await each(upstreams, tools, {
    partOf: ({ upstream }) => formatPath(["upstreams", upstream.name]),
    async look(plan) {
      const one = await see(plan);
      seen.push({ plan, seen: one });
      return judgeUpstream(plan, one);
    },
  });
  const sample = seen.flatMap(({ seen: { repositories } }) =>
    repositories.flatMap(({ name, blobs }) => blobs.map((digest) => ({ name, digest })))
  );
  return { findings, sample: sample.slice(0, MOST_SAMPLES) };
}

// Enough to tell an empty mirror from a filled one.
const MOST_SAMPLES = 10;

async function lookAtMirrors({ mirrors }: Plan, { ask, tools, sample }: How): Promise<Finding[]> {
  const see = createSeeMirror(ask, tools);
  return await each(mirrors, tools, {
    partOf: ({ name }: Mirror) => formatPath(["mirrors", name]),
    look: async (mirror) => judgeMirror(mirror, await see(mirror, sample)),
  });
}

interface Looking<Part> {
  partOf(part: Part): string;
  look(part: Part): Promise<Finding[]>;
}

const AT_ONCE = 16;

/** Looks at parts, some at a time. */
async function each<Part>(
  parts: readonly Part[],
  { stop }: Tools,
  { partOf, look }: Looking<Part>,
): Promise<Finding[]> {
  const findings: Finding[][] = [];
  let next = 0;
  const work = async () => {
    while (next < parts.length) {
      const at = next++;
      const part = parts[at]!;
      const found = stop.aborted ? [] : await look(part);
      // What ended by the limit was cut off, and says nothing.
      findings[at] = stop.aborted
        ? [createFindings(partOf(part)).untried("the time was over")]
        : found;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return findings.flat();
}
