/**
 * The thread of a worker, as the program has one, but for its small world.
 *
 * @module
 */

import { createWorker, type Order } from "../../lib/server/worker.ts";
import { DATA_SET } from "./fixture.ts";

const channel = globalThis as unknown as {
  postMessage(message: unknown): void;
  onmessage: (event: MessageEvent<Order | "die">) => void;
};

const take = createWorker({
  dataSet: DATA_SET,
  report: (report) => channel.postMessage(report),
  fetch,
  now: () => performance.now(),
  timeOfDay: Date.now,
  random: Math.random,
});

channel.onmessage = ({ data }) => {
  if (data === "die") throw new Error("it was told to die");
  take(data);
};
