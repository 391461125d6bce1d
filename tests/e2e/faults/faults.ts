/**
 * The ways in which a mirror fails that the tests know.
 *
 * @module
 */

import type { Asked, Behaviour } from "./faulty_store.ts";

/** A way in which a mirror fails. */
export interface Fault {
  /** What the mirror does. */
  readonly name: string;
  readonly behaviour: Behaviour;
  /** Whether blobs come all the same, so that clients may go on being sent there. */
  readonly delivers?: boolean;
  /** Whether the mirror serves over TLS. */
  readonly tls?: boolean;
}

/**
 * Some ways, for a mirror that is checked at intervals of so many milliseconds. Times in their
 * names are those at the default interval; at others they are longer or shorter in proportion.
 */
export function createFaults(intervalMs: number): readonly Fault[] {
  return [
    { name: "refuses connections", behaviour: "refuses" },
    { name: "hangs", behaviour: "hangs" },
    { name: "fails TLS handshakes", behaviour: "breaks TLS", tls: true },
    ...[500, 503, 429, 401, 409, 451].map((status) => ({
      name: `answers ${status}`,
      behaviour: status,
    })),
    { name: "answers 301, to a page", behaviour: redirectToPage },
    { name: "answers 404: it came back empty", behaviour: 404 },
    { name: "answers 403: it came back empty", behaviour: 403 },
    { name: "answers 500 to GET, HEAD is fine", behaviour: onGet(() => status(500)) },
    { name: "answers 404 to GET, 200 to any HEAD", behaviour: haveAll },
    { name: "answers 200 with a page to everything", behaviour: showPage },
    { name: "answers GET with a head, and no more", behaviour: onGet(stall) },
    { name: "answers 200, and has no bytes", behaviour: () => new Response("") },
    {
      name: "takes 2 s to answer",
      behaviour: async ({ well }) => {
        await new Promise((resolve) => setTimeout(resolve, 2000 * intervalMs / DEFAULT_MS));
        return well();
      },
      delivers: true,
    },
  ];
}

const DEFAULT_MS = 5000;

const status = (status: number) => new Response(null, { status });

/** A store that is well but for GET requests. */
function onGet(answer: (asked: Asked) => Response): Behaviour {
  return (asked) => asked.request.method === "GET" ? answer(asked) : asked.well();
}

function showPage({ request }: Asked): Response {
  const page = "<!doctype html><title>Log in</title>".padEnd(1000);
  const headers = { "content-type": "text/html", "content-length": String(page.length) };
  return new Response(request.method === "HEAD" ? null : page, { headers });
}

function redirectToPage(asked: Asked): Response {
  const { pathname, origin } = new URL(asked.request.url);
  return pathname === "/page" ? showPage(asked) : Response.redirect(`${origin}/page`, 301);
}

function haveAll({ request }: Asked): Response {
  if (request.method === "GET") return status(404);
  return new Response(null, { headers: { "content-length": "1000" } });
}

function stall({ well, over }: Asked): Response {
  const { status, headers } = well();
  const body = new ReadableStream({
    async start(controller) {
      await over;
      controller.error(new Error("the store is well again"));
    },
  });
  return new Response(body, { status, headers });
}
