/**
 * The mirrors and the upstreams.
 *
 * @module
 */

import type { CheckStatus, MirrorStatus, Status, UpstreamStatus } from "../status.ts";
import {
  formatCount,
  formatRate,
  formatShare,
  formatShort,
  formatSince,
  UNKNOWN,
} from "./format.ts";
import { type Content, type Html, html } from "./html.ts";
import { type Column, table } from "./table.ts";

/** The mirrors: those that are down, then the busiest. */
export function renderMirrors({ mirrors, time, traffic: { remembered } }: Status): Html {
  const rows = mirrors.toSorted((one, other) =>
    Number(one.state === "up") - Number(other.state === "up") ||
    other.redirects - one.redirects
  );
  const found = formatShort(remembered.found);
  const missing = formatShort(remembered.missing);
  return html`${
    table({
      caption: "Mirrors",
      columns: mirrorColumns(time),
      rows,
      empty: "The configuration has no mirrors: upstreams serve everything.",
      rowClass: ({ state }) => state,
    })
  }
${
    mirrors.length > 0 &&
    html`
      <p
        class="note">Remembered: ${found} answers that a mirror has a blob, ${missing} that it lacks one.</p>
    `
  }`;
}

function mirrorColumns(now: string): Column<MirrorStatus>[] {
  return [
    {
      title: "Mirror",
      cell: ({ name, url }) => html`${name}<small>${url}</small>`,
    },
    {
      title: "State",
      cell: ({ state, since, reason }) =>
        html`<span class="badge">${state}</span> ${formatSince(since, now)}${
          reason !== null && html`<small>${reason}</small>`
        }`,
    },
    { title: "Last check", cell: ({ last_check }) => formatCheck(last_check, now) },
    {
      title: "Redirects now",
      numeric: true,
      cell: ({ redirects_per_s }) => formatRate(redirects_per_s),
    },
    {
      title: "In a day",
      numeric: true,
      cell: ({ redirects_last_day }) => formatCount(redirects_last_day),
    },
    {
      title: "For others",
      numeric: true,
      cell: ({ fallback_redirects, fallback_limit }) =>
        fallback_limit === null
          ? formatCount(fallback_redirects)
          : html`${formatCount(fallback_redirects)}<small>at most ${fallback_limit}/s</small>`,
    },
    {
      title: "Blobs it had",
      numeric: true,
      cell: ({ found_share, probes }) =>
        found_share === null
          ? UNKNOWN
          : html`${formatShare(probes.found, probes.found + probes.missing)}<small>of ${
            formatShort(probes.found + probes.missing)
          } asked for</small>`,
    },
  ];
}

function formatCheck(check: CheckStatus | null, now: string): Content {
  if (check === null) return "none yet";
  const { status, reason, ms, time } = check;
  const answer = status === null ? "no answer" : `status ${status}`;
  return html`${answer}, ${formatShort(ms)} ms<small>${formatSince(time, now)} ago${
    reason !== null && html`: ${reason}`
  }</small>`;
}

/** The upstreams. */
export function renderUpstreams({ upstreams }: Status): Html {
  return table({
    caption: "Upstreams",
    columns: [
      { title: "Upstream", cell: ({ name, url }) => html`${name}<small>${url}</small>` },
      {
        title: "Redirects now",
        numeric: true,
        cell: ({ redirects_per_s }) => formatRate(redirects_per_s),
      },
      {
        title: "Redirects",
        numeric: true,
        cell: ({ redirects }) =>
          formatCount(Object.values(redirects).reduce((sum, count) => sum + count, 0)),
      },
      { title: "Asked about signatures", cell: formatAsked },
    ],
    rows: upstreams,
    empty: "There is no upstream.",
  });
}

function formatAsked({ asked, mean_ms }: UpstreamStatus): Content {
  const answers = Object.entries(asked).filter(([, count]) => count > 0)
    .map(([result, count]) => `${formatShort(count)} ${result.replace("_", " ")}`);
  if (answers.length === 0) return "never";
  return html`${answers.join(", ")}<small>${formatShort(mean_ms)} ms on average</small>`;
}
