/**
 * An isolate that tells what it is told, and dies when it is told to stop.
 *
 * @module
 */

import type { Channel, Hello } from "../../lib/cli/isolate.ts";
import type { Order } from "../../lib/server/isolate.ts";

const channel = self as unknown as Channel;

channel.onmessage = ({ data }: MessageEvent<Hello | Order>) => {
  if ("kind" in data && data.kind === "stop") throw new Error(`told to stop in ${data.giveUpMs}`);
  channel.postMessage({ kind: "failed", reason: JSON.stringify(data) }, []);
};
