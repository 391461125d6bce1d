/**
 * A server in a process of its own, for signals go to a whole process. It tells what
 * happens in a line of JSON each.
 *
 * @module
 */

import { serve } from "../../lib/server/serve.ts";
import { DATA_SET, readTestConfig } from "./fixture.ts";

const [config, clock] = Deno.args;

function tell(event: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(event));
}

await serve(readTestConfig(JSON.parse(config!)), {
  dataSet: DATA_SET,
  log: {
    listening: ({ port }) => tell({ listening: port }),
    stopping: (signal) => tell({ stopping: signal }),
    unanswered: (url) => tell({ unanswered: url }),
    failed: (error) => tell({ failed: String(error) }),
  },
  fetch,
  now() {
    if (clock === "broken") throw new Error("the clock is broken");
    return performance.now();
  },
  defer: (work) => void setTimeout(work, 0),
});
tell({ ended: true });
