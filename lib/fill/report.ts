/**
 * What a fill found and did, told to people and to programs.
 *
 * @module
 */

import { formatBytes, formatCount, formatSeconds } from "./format.ts";
import { excerpt } from "./manifest.ts";
import { isComplete, lackOf, type MirrorTally, type Remark, type Tally } from "./tally.ts";

/** What a report tells beside the tally. */
export interface ReportOptions {
  /** Whether nothing was to be copied. */
  readonly dryRun: boolean;
  /** How long it took, in milliseconds. */
  readonly tookMs: number;
}

/** Formats a report for people. */
export function formatReport(tally: Tally, { dryRun, tookMs }: ReportOptions): string {
  const { manifests, blobs, bytes, foreign, estimate } = tally;
  const lines = [
    `${formatCount(manifests, "manifest")} name ${formatCount(blobs, "blob")}, ` +
    formatBytes(bytes) +
    (foreign === 0 ? "" : `; ${formatCount(foreign, "layer")} more are fetched from elsewhere`),
    ...tally.mirrors.entries().map(([name, mirror]) => formatMirror(name, mirror, dryRun)),
    ...formatRemarks("not read or not copied", tally.firstFailures, tally.failedPlaces),
    ...formatRemarks("odd", tally.firstWarnings, tally.warnings),
  ];
  if (dryRun && estimate !== undefined && estimate.requests > 0) {
    lines.push(
      `to copy: ${formatCount(estimate.requests, "request")}, ` +
        `${formatSeconds(estimate.seconds)} at least, by the limits`,
    );
  }
  const seconds = formatSeconds(tookMs / 1000);
  lines.push(
    isComplete(tally)
      ? `all mirrors have everything (${seconds})`
      : `something is missing still (${seconds})`,
  );
  return lines.map((line) => `${line}\n`).join("");
}

function formatMirror(name: string, mirror: MirrorTally, dryRun: boolean): string {
  const { had, missing, missingBytes, copied, copiedBytes, unknown, isReadOnly } = mirror;
  if (unknown !== undefined) return `${name}: ${excerpt(unknown, 500)}`;
  const lacked = `${name} had ${formatCount(had, "blob")}, lacked ${missing}`;
  const bytes = missing === 0 ? "" : ` (${formatBytes(missingBytes)})`;
  if (isReadOnly) return `${lacked}${bytes}; it has no store`;
  if (dryRun || missing === 0) return lacked + bytes;
  const rest = lackOf(mirror) === 0 ? "" : `, lacks ${lackOf(mirror)} still`;
  const reasons = [...mirror.reasons].map(([reason, count]) =>
    `\n  ${count} × ${excerpt(reason, 500)}`
  );
  return `${lacked}${bytes}; copied ${copied} (${formatBytes(copiedBytes)})${rest}` +
    reasons.join("");
}

function* formatRemarks(what: string, first: readonly Remark[], count: number): Generator<string> {
  if (count === 0) return;
  yield `${what}: ${count}`;
  for (const { place, reason } of first) yield `  ${excerpt(`${place}: ${reason}`, 500)}`;
  if (count > first.length) yield `  and ${count - first.length} more`;
}

/** A report as a value, for JSON. */
export function toReport(
  tally: Tally,
  { dryRun, tookMs }: ReportOptions,
): Readonly<Record<string, unknown>> & {
  readonly complete: boolean;
  readonly mirrors: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
} {
  const { manifests, blobs, bytes, foreign, readBytes, warnings, estimate } = tally;
  return {
    complete: isComplete(tally),
    dry_run: dryRun,
    seconds: Math.round(tookMs / 100) / 10,
    manifests,
    blobs,
    bytes,
    foreign,
    read_bytes: readBytes,
    mirrors: Object.fromEntries(tally.mirrors.entries().map(([name, one]) => [name, toJson(one)])),
    ...dryRun && estimate !== undefined ? { estimate } : {},
    failures: tally.failedPlaces,
    first_failures: tally.firstFailures,
    warnings,
    first_warnings: tally.firstWarnings,
  };
}

function toJson(mirror: MirrorTally) {
  const { had, hadBytes, missing, missingBytes, copied, copiedBytes, sentBytes } = mirror;
  return {
    had,
    had_bytes: hadBytes,
    lacked: missing,
    lacked_bytes: missingBytes,
    copied,
    copied_bytes: copiedBytes,
    sent_bytes: sentBytes,
    failed: mirror.failed,
    left: mirror.left,
    missing: mirror.unknown === undefined ? lackOf(mirror) : null,
    reasons: Object.fromEntries(mirror.reasons),
    ...mirror.unknown === undefined ? {} : { unknown: mirror.unknown },
    ...mirror.isReadOnly ? { read_only: true } : {},
  };
}
