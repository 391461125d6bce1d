/**
 * Draining: making clients close their connections before a listener stops.
 *
 * Closing a connection while its client sends a request makes a pull fail. So while draining,
 * each answer has `Connection: close`, until no request has come for a while.
 *
 * @module
 */

import { createWait, type Later } from "../mirrors/time.ts";
import type { Handler } from "../redirect/handler.ts";

const QUIET_MS = 250;
const MAX_ROUNDS = 8;

/** A handler that can drain. */
export interface Draining {
  /** Answers like the handler; while draining, with `Connection: close`. */
  readonly handle: Handler;
  /** Starts to drain, once; resolves when requests cease, or after 2 s. */
  drain(): Promise<void>;
}

/** Makes a handler that answers like another one and can drain. */
export function createDraining(handler: Handler, later: Later): Draining {
  const wait = createWait(later);
  let draining: Promise<void> | undefined;
  let asked = false;

  async function untilQuiet(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      asked = false;
      await wait(QUIET_MS);
      if (!asked) return;
    }
  }

  return {
    handle(request, info) {
      if (draining === undefined) return handler(request, info);
      asked = true;
      const response = handler(request, info);
      return response instanceof Promise ? response.then(closing) : closing(response);
    },
    drain: () => draining ??= untilQuiet(),
  };
}

// RFC 9112, section 9.6. The response itself may be cached and sent again.
function closing(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("connection", "close");
  return new Response(response.body, { status: response.status, headers });
}
