/**
 * The first thing that one sees: whether all is well, and what is not.
 *
 * @module
 */

import type { MirrorStatus, Problem, Status } from "../status.ts";
import {
  formatBytes,
  formatNumber,
  formatRate,
  formatShare,
  formatShort,
  formatSince,
  UNKNOWN,
} from "./format.ts";
import { type Content, type Html, html } from "./html.ts";

/** Says whether all is well, and lists what is not. */
export function renderVerdict({ problems, mirrors, time }: Status): Html {
  const worst = problems[0]?.severity ?? "well";
  return html`<div class="verdict ${worst}">
<h1 aria-live="polite">${headline(problems, mirrors)}</h1>
${
    problems.length > 0 &&
    html`<ul class="problems">${problems.map((problem) => renderProblem(problem, time))}</ul>`
  }</div>`;
}

function headline(problems: readonly Problem[], mirrors: readonly MirrorStatus[]): string {
  const unready = problems.find(({ kind }) => kind === "not_ready");
  if (unready !== undefined) return "Not ready for requests";
  const down = mirrors.filter(({ state }) => state === "down").length;
  if (down > 0) {
    const all = formatNumber(mirrors.length, "mirror");
    return down === 1 ? `1 of ${all} is down` : `${down} of ${all} are down`;
  }
  const all = mirrors.length === 0 ? "no mirrors" : `${formatNumber(mirrors.length, "mirror")} up`;
  return problems.length === 0
    ? `All is well: ${all}`
    : `${formatNumber(problems.length, "thing")} to look at: ${all}`;
}

function renderProblem({ severity, text, since }: Problem, now: string): Html {
  const label = severity === "critical" ? "Critical" : "Warning";
  return html`<li class="${severity}"><span class="badge">${label}</span> ${text}${
    since !== null && html`
      <span class="since">for ${formatSince(since, now)}</span>
    `
  }</li>`;
}

interface Figure {
  readonly name: string;
  readonly value: Content;
  readonly note: Content;
}

/** The figures that matter most. */
export function renderFigures(status: Status): Html {
  return html`<dl class="figures">${
    listFigures(status).map(({ name, value, note }) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd><b>${value}</b> <span>${note}</span></dd>
        </div>
      `
    )
  }</dl>`;
}

function listFigures({ traffic, program, mirrors, time }: Status): Figure[] {
  const { blobs, blobs_from_mirrors: near, blobs_from_upstreams: far } = traffic;
  const fallbacks = mirrors.reduce((sum, mirror) => sum + mirror.fallback_redirects, 0);
  const { cpu_cores: cores } = program;
  return [
    {
      name: "Requests",
      value: formatRate(traffic.requests_per_s),
      note: html`${formatShort(traffic.requests)} in ${formatSince(program.started, time)}`,
    },
    {
      name: "Blobs from mirrors",
      value: formatShare(near, blobs),
      note: `${formatShort(near)} of ${formatShort(blobs)}; ${
        formatShort(fallbacks)
      } in place of another mirror`,
    },
    {
      name: "Blobs from upstreams",
      value: formatShare(far, blobs),
      note: `${formatShort(far)}, paid for as the upstream's traffic`,
    },
    {
      name: "Traffic in a day, estimated",
      value: formatBytes(traffic.estimated_bytes_from_upstreams_per_day),
      note: traffic.mean_blob_bytes === null
        ? "known once blobs were pulled"
        : `from upstreams, ${
          formatBytes(traffic.estimated_bytes_from_mirrors_per_day)
        } from mirrors, at ${formatBytes(traffic.mean_blob_bytes)} a blob`,
    },
    {
      name: "Process",
      value: formatBytes(program.resident_bytes),
      note: `${cores === null ? UNKNOWN : Math.round(cores * 100) / 100} of a core, ${
        formatNumber(program.isolates, "isolate")
      }`,
    },
  ];
}
