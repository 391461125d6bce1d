/**
 * The list of hosts at `/backends`: a page, text or JSON, as `Accept` prefers.
 *
 * @module
 */

import { type Backend, formatBackend, formatBackends } from "./backends.ts";
import { textResponse } from "./responses.ts";

const TYPES = ["text/plain", "text/html", "application/json"] as const;

type Type = typeof TYPES[number];

/** The style of the page, and its hash, by which the policy allows it. */
const STYLE =
  "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;" +
  "color-scheme:light dark;color:CanvasText;background:Canvas}td,th{text-align:left;" +
  "vertical-align:top;padding:.25rem 1rem .25rem 0;overflow-wrap:anywhere}th{min-width:14rem}" +
  "@media(max-width:40rem){td,th{display:block;padding:0}td{margin-bottom:1rem}}";

/** The hash of the style, as a Content Security Policy names it. */
export const STYLE_HASH = "sha256-JI9IALHkql+MHxM+K4u6+7e8nY4OPVYX2TGYVvvPAJ8=";

const POLICY = `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; ` +
  "form-action 'none'; frame-ancestors 'none'";

/** Makes the answer. */
export function backendsResponse(
  backends: readonly Backend[],
  { method, headers }: Pick<Request, "method" | "headers">,
): Response {
  const type = preferredType(headers.get("accept"));
  const response = textResponse(format(backends, type), {
    method,
    type: type === "application/json" ? type : `${type}; charset=utf-8`,
  });
  response.headers.append("vary", "accept");
  response.headers.set("x-content-type-options", "nosniff");
  if (type === "text/html") response.headers.set("content-security-policy", POLICY);
  return response;
}

function format(backends: readonly Backend[], type: Type): string {
  switch (type) {
    case "text/plain":
      return formatBackends(backends);
    case "text/html":
      return formatPage(backends);
    case "application/json":
      return JSON.stringify({ backends }, null, 2) + "\n";
  }
}

// Hosts, patterns of rules and purposes have no character that HTML gives a meaning.
function formatPage(backends: readonly Backend[]): string {
  const rows = backends.map((backend) =>
    `<tr><th scope="row">${formatBackend(backend)}</th><td>${
      backend.purposes.join("<br>")
    }</td></tr>\n`
  );
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Hosts of this registry</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><main><h1>Hosts of this registry</h1>
<p>Who pulls from this registry is sent on to these hosts. A firewall must let clients through to
them, beside the registry itself.</p>
<table><tbody>
${rows.join("")}</tbody></table></main></body></html>
`;
}

/** The media type that `Accept` prefers (RFC 9110, section 12.5.1); plain text by default. */
function preferredType(accept: string | null): Type {
  const ranges = (accept ?? "").split(",").map(parseRange);
  const qualityOf = (type: Type): number => {
    const [kind] = type.split("/");
    const matching = [type, `${kind}/*`, "*/*"]
      .map((name) => ranges.find((range) => range.name === name))
      .find((range) => range !== undefined);
    return matching?.quality ?? 0;
  };
  const best = TYPES.reduce((one, other) => qualityOf(other) > qualityOf(one) ? other : one);
  return best;
}

function parseRange(text: string): { readonly name: string; readonly quality: number } {
  const [name = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith("q="));
  return { name, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
}
