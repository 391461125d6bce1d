/**
 * A server in a process of its own, for signals go to a whole process. It tells what
 * happens in a line of JSON each.
 *
 * @module
 */

import { serve } from "../../lib/server/serve.ts";
import { type ConfigFile, DATA_SET, readTestConfig } from "./fixture.ts";

/** What the server is to be, in its one argument. */
export interface Orders {
  readonly config: ConfigFile;
  /** Whether its clock is broken, so that it fails when it remembers something. */
  readonly broken?: boolean;
  readonly files?: { readonly cert: string; readonly key: string };
}

const { config, broken, files }: Orders = JSON.parse(Deno.args[0]!);

function tell(event: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(event));
}

await serve(readTestConfig(config), {
  dataSet: DATA_SET,
  log: {
    listening: ({ port }) => tell({ listening: port }),
    stopping: (signal) => tell({ stopping: signal }),
    unanswered: (url) => tell({ unanswered: url }),
    failed: (error) => tell({ failed: String(error) }),
  },
  fetch,
  now() {
    if (broken) throw new Error("the clock is broken");
    return performance.now();
  },
  defer: (work) => void setTimeout(work, 0),
}, files);
tell({ ended: true });
