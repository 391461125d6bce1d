/**
 * Formats the state of a server for a terminal.
 *
 * @module
 */

import {
  formatBytes,
  formatCount,
  formatRate,
  formatShare,
  formatSpan,
  formatTime,
} from "../admin/page/format.ts";
import type { MirrorStatus, Status } from "../admin/status.ts";

const MOST_LOCATIONS = 10;
const MOST_EVENTS = 10;

/** Formats the state: problems first, then mirrors, clients and events. */
export function formatStatus(status: Status): string {
  const parts = [
    formatHead(status),
    formatProblems(status),
    formatMirrors(status),
    formatClients(status),
    formatEvents(status),
  ];
  // Text from outside must not steer the terminal.
  return parts.filter((part) => part !== "").join("\n")
    .replaceAll(/[^\P{Cc}\n]|\p{Bidi_Control}/gu, "\ufffd");
}

function formatHead({ program, traffic, time }: Status): string {
  const { blobs, blobs_from_mirrors: near, blobs_from_upstreams: far } = traffic;
  const { version, started, resident_bytes: bytes } = program;
  return `archeio ${version}, up for ${span(started, time)}, ${formatBytes(bytes)}
${formatRate(traffic.requests_per_s)} requests; blobs: ${formatShare(near, blobs)} from mirrors, ${
    formatShare(far, blobs)
  } from upstreams
`;
}

function formatProblems({ problems, mirrors, time }: Status): string {
  if (problems.length === 0) {
    const count = mirrors.length === 1 ? "1 mirror" : `${mirrors.length} mirrors`;
    return `all is well: ${count} up\n`;
  }
  return problems.map(({ severity, text, since }) =>
    `${severity === "critical" ? "CRITICAL" : "warning "}  ${text}${
      since === null ? "" : ` For ${span(since, time)}.`
    }\n`
  ).join("");
}

function formatMirrors({ mirrors, time }: Status): string {
  const rows = mirrors.toSorted((one, other) =>
    Number(one.state === "up") - Number(other.state === "up") || other.redirects - one.redirects
  ).map((mirror) => formatMirror(mirror, time));
  const head = ["mirror", "state", "since", "last check", "now", "in a day", "for others"];
  return rows.length === 0 ? "" : formatTable([head, ...rows]);
}

function formatMirror(mirror: MirrorStatus, now: string): string[] {
  const { last_check: check } = mirror;
  const answer = check === null
    ? "none yet"
    : `${check.status ?? check.reason ?? "no answer"}, ${check.ms} ms`;
  return [
    mirror.name,
    mirror.state,
    span(mirror.since, now),
    answer,
    formatRate(mirror.redirects_per_s),
    formatCount(mirror.redirects_last_day),
    formatCount(mirror.fallback_redirects),
  ];
}

function formatClients({ clients }: Status): string {
  const rows = clients.locations.slice(0, MOST_LOCATIONS).map((
    { location, pulls, from_mirrors, rule },
  ) => [location, formatCount(pulls), formatShare(from_mirrors, pulls), String(rule ?? "none")]);
  return rows.length === 0
    ? ""
    : formatTable([["location", "pulls", "from mirrors", "rule"], ...rows]);
}

function formatEvents({ events }: Status): string {
  return events.slice(0, MOST_EVENTS).map(({ time, text }) => `${formatTime(time)}  ${text}\n`)
    .join("");
}

function span(since: string, now: string): string {
  return formatSpan(Date.parse(now) - Date.parse(since));
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) =>
    row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd() + "\n"
  ).join("");
}
