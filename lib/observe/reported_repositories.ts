/**
 * Counts the pulls of an isolate by repository, and reports them.
 *
 * Looking at each pull would cost a busy isolate a tenth of its time. So once there are many,
 * only some are looked at, at random, and each of these counts for those since the one before.
 *
 * @module
 */

import type { World } from "../mirrors/time.ts";
import { createRepositories, type Repositories, type RepositoryCounts } from "./repositories.ts";

const REPORT_MS = 2000;

/** How many pulls are looked at between two reports, or about as many. */
export const LOOKED_AT = 1000;

/** Counts pulls by repository, and reports the counts. */
export interface ReportedRepositories extends Pick<Repositories, "note"> {
  /** Counts a pull. */
  note(name: string): void;
  /** Reports what was counted since the last report. */
  flush(): void;
}

/** What is needed to count and report. */
export interface ReportedRepositoriesOptions extends Pick<World, "later" | "random"> {
  /** Called with the counts. */
  readonly report: (counts: RepositoryCounts) => void;
}

/** Makes counters that are reported within two seconds after they have changed. */
export function createReportedRepositories(
  { report, later, random }: ReportedRepositoriesOptions,
): ReportedRepositories {
  const repositories = createRepositories();
  let cancel: (() => void) | undefined;
  // The pulls from one that is looked at to the next, on average; of these now, and those left.
  let stride = 1;
  let gap = 1;
  let left = 1;
  let pulls = 0;

  function take(name: string): void {
    repositories.note(name, gap);
    pulls += gap;
    // From 1 to 2 * stride - 1: a fixed distance might always meet the same client's pulls.
    gap = left = 1 + Math.floor(random() * (2 * stride - 1));
    cancel ??= later(REPORT_MS, flush);
  }

  function flush(): void {
    if (cancel === undefined) return;
    cancel();
    cancel = undefined;
    report(repositories.read());
    adapt(pulls + gap - left);
    if (stride > 1) cancel = later(REPORT_MS, flush);
  }

  function adapt(seen: number): void {
    const passed = gap - left;
    pulls = -passed;
    stride = Math.max(1, Math.round(seen / LOOKED_AT));
    // The next pull counts for those that were passed over.
    gap = passed + 1;
    left = 1;
  }

  return {
    flush,
    note(name) {
      if (--left === 0) take(name);
    },
  };
}
