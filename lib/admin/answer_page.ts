/**
 * The answers that make up the page: the HTML, the script and the style sheet.
 *
 * @module
 */

import { answerExplain, answerLookup, type Asked } from "./ask.ts";
import { SCRIPT, STYLE } from "./page/assets.ts";
import { renderPage } from "./page/page.ts";
import type { Questions } from "./page/questions.ts";
import type { Status } from "./status.ts";

/** An answer. */
export interface PageAnswer {
  /** Its text. */
  readonly text: string;
  /** Its media type. */
  readonly type: string;
  /** More headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the page needs. */
export interface PageOptions {
  /** The state of the program, with the history. */
  readonly status: () => Status;
  /** What questions are answered from. */
  readonly redirector: () => Asked;
}

// Nothing but its own script, style sheet and state, from its own origin; "data:" is the icon.
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Answers a request for the page, its script or its style sheet. */
export function answerPage(
  path: string,
  parameters: URLSearchParams,
  options: PageOptions,
): PageAnswer {
  switch (path) {
    case "/page.js":
      return { text: SCRIPT, type: "text/javascript; charset=utf-8" };
    case "/page.css":
      return { text: STYLE, type: "text/css; charset=utf-8" };
    default:
      return {
        text: renderPage(options.status(), readQuestions(parameters, options)),
        type: "text/html; charset=utf-8",
        headers: { "content-security-policy": POLICY },
      };
  }
}

// A text in a box is shown again; nobody types a longer one.
const LONGEST = 4096;

function readQuestions(parameters: URLSearchParams, { redirector }: PageOptions): Questions {
  const text = (name: string) => (parameters.get(name) ?? "").slice(0, LONGEST);
  const [address, path, lookup] = [text("address"), text("path"), text("lookup")];
  const asked = new URLSearchParams({ address, [path.startsWith("/") ? "path" : "image"]: path });
  return {
    texts: { address, path, lookup },
    explained: parameters.has("address") ? answerExplain(asked, redirector()) : undefined,
    found: lookup === "" ? undefined : answerLookup(lookup, redirector()),
  };
}
