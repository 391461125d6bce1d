/**
 * The mirrors and the upstreams.
 *
 * @module
 */

import type {
  CheckStatus,
  FillStatus,
  MirrorFillStatus,
  MirrorStatus,
  RelayStatus,
  Status,
  UpstreamStatus,
} from "../status.ts";
import {
  formatBytes,
  formatCount,
  formatNumber,
  formatRate,
  formatShare,
  formatShort,
  formatSince,
  UNKNOWN,
} from "./format.ts";
import { type Content, type Html, html } from "./html.ts";
import { type Column, table } from "./table.ts";

/** The mirrors: those that are down, then the busiest. */
export function renderMirrors({ mirrors, time, fill, traffic: { remembered } }: Status): Html {
  const rows = mirrors.toSorted((one, other) =>
    Number(one.state === "up") - Number(other.state === "up") ||
    other.redirects - one.redirects
  );
  const found = formatShort(remembered.found);
  const missing = formatShort(remembered.missing);
  return html`${
    table({
      caption: "Mirrors",
      columns: [...mirrorColumns(time), ...(fill === null ? [] : [fillColumn(time)])],
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
  }${fill !== null && renderFill(fill, time)}`;
}

function renderFill({ ended, last_complete, blobs, bytes, unreadable }: FillStatus, now: string) {
  const complete = last_complete === null ? "never" : html`${formatSince(last_complete, now)} ago`;
  return html`
    <p
      class="note">The last fill ended ${formatSince(ended, now)} ago, for ${formatNumber(
        blobs,
        "blob",
      )} of ${formatBytes(bytes)}. All mirrors had all: ${complete}.${unreadable > 0 &&
        ` ${formatNumber(unreadable, "place")} of upstreams could not be read.`}</p>
  `;
}

/** Whether a mirror is full. */
function fillColumn(now: string): Column<MirrorStatus> {
  return { title: "Missing", numeric: true, cell: ({ fill }) => formatFill(fill, now) };
}

function formatFill(fill: MirrorFillStatus | null, now: string): Content {
  if (fill === null) return "not filled";
  const { blobs, missing, missing_since: since, failed } = fill;
  if (missing === 0) return html`full<small>${formatCount(blobs)} blobs</small>`;
  const share = missing === null
    ? "unknown"
    : html`${formatCount(missing)}<small>of ${formatNumber(blobs + missing, "blob")}</small>`;
  return html`${share}${since !== null && html`<small>for ${formatSince(since, now)}</small>`}${
    failed > 0 && html`<small>${formatCount(failed)} failed</small>`
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

/** The upstreams, and what is relayed. */
export function renderUpstreams({ upstreams, relay }: Status): Html {
  return html`${
    table({
      caption: "Upstreams",
      columns: [
        { title: "Upstream", cell: ({ name, url }) => html`${name}<small>${url}</small>` },
        { title: "Now", numeric: true, cell: ({ pulls_per_s }) => formatRate(pulls_per_s) },
        { title: "Pulls", numeric: true, cell: formatPulls },
        { title: "What it answers", cell: formatAnswers },
      ],
      rows: upstreams,
      empty: "There is no upstream.",
    })
  }${relay !== null && renderRelay(relay)}`;
}

/** Sent to it, or of what is relayed: from memory, fetched, and what went wrong. */
function formatPulls({ redirects, relayed }: UpstreamStatus): Content {
  const sent = sumOf(redirects);
  if (relayed === null) return formatCount(sent);
  return html`${formatCount(sent + sumOf(relayed.results))}<small>${
    listCounts(relayed.results)
  }</small>`;
}

function formatAnswers({ asked, mean_ms, relayed }: UpstreamStatus): Content {
  const left = relayed?.requests_left ?? null;
  const parts = [
    sumOf(asked) > 0 &&
    html`${listCounts(asked)}<small>asked about signatures, ${
      formatShort(mean_ms)
    } ms on average</small>`,
    relayed !== null && sumOf(relayed.answers) > 0 &&
    html`${listCounts(relayed.answers)}<small>asked for clients</small>`,
    left !== null && html`${formatCount(left)} more requests<small>the quota left</small>`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? "it was not asked" : parts;
}

function renderRelay(
  { memory_bytes, streams, streamed_bytes, tokens, mean_ms }: RelayStatus,
): Html {
  return html`
    <p
      class="note">Relaying holds ${formatBytes(
        memory_bytes,
      )} of manifests and tags, streams ${formatCount(
        streams,
      )} blobs now, and has streamed ${formatBytes(
        streamed_bytes,
      )}. Its requests take ${formatShort(
        mean_ms,
      )} ms on average. Token services: ${sumOf(tokens) === 0
        ? "not asked"
        : listCounts(tokens)}.</p>
  `;
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function listCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts).filter(([, count]) => count > 0)
    .map(([name, count]) => `${formatShort(count)} ${name.replaceAll("_", " ")}`).join(", ");
}
