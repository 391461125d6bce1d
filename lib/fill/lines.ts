/**
 * Lines of work: so many of a line's jobs are at work at once, whatever the other lines do.
 *
 * @module
 */

import { joinAll } from "./join.ts";

/** Lines of work. */
export interface Lines<Job> {
  /** Adds a job to the end of a line. */
  push(line: string, job: Job): void;
  /**
   * Resolves once there is no job left in any line.
   *
   * @throws what a job threw
   */
  idle(): Promise<void>;
}

/** Makes lines of work. */
export function createLines<Job>(
  atOnce: number,
  run: (job: Job, line: string) => Promise<void>,
): Lines<Job> {
  const lines = new Map<string, { jobs: Job[]; next: number; working: number }>();
  const working = new Set<Promise<void>>();

  async function work(name: string): Promise<void> {
    const line = lines.get(name)!;
    line.working++;
    try {
      while (line.next < line.jobs.length) await run(line.jobs[line.next++]!, name);
      // All are at work, so the list can go.
      line.jobs = [];
      line.next = 0;
    } finally {
      line.working--;
    }
  }

  return {
    push(name, job) {
      const line = lines.get(name) ?? { jobs: [], next: 0, working: 0 };
      lines.set(name, line);
      line.jobs.push(job);
      if (line.working >= atOnce) return;
      const worker = work(name);
      working.add(worker);
      // A failure is told by `idle`, which must find it.
      worker.then(() => working.delete(worker), () => {});
    },
    async idle() {
      while (working.size > 0) await joinAll([...working]);
    },
  };
}
