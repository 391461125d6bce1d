/**
 * The boxes to ask, and the answers, drawn.
 *
 * @module
 */

import type { ExplainedMirror, Explanation } from "../../redirect/explain.ts";
import type { Answered, Found } from "../ask.ts";
import { type Content, type Html, html } from "./html.ts";

/** What was asked by the boxes, and the answers. */
export interface Questions {
  /** The text in each box. */
  readonly texts: Readonly<Record<"address" | "path" | "lookup", string>>;
  /** What a client would get, if that was asked. */
  readonly explained?: Answered<Explanation> | undefined;
  /** Where an address is, if that was asked. */
  readonly found?: Answered<Found> | undefined;
}

/** The boxes and the answers. */
export function renderQuestions({ texts, explained, found }: Questions): Html {
  return html`<form action="/#ask" method="get">
<label>Client's address <input name="address" value="${texts.address}" placeholder="35.180.1.1" required spellcheck="false" autocomplete="off"></label>
<label class="wide">Image or path <input name="path" value="${texts.path}" placeholder="pause:3.9" required spellcheck="false" autocomplete="off"></label>
<button>Explain</button></form>
${explained && renderAnswered(explained, renderExplanation)}
<form action="/#ask" method="get">
<label>Where is this address? <input name="lookup" value="${texts.lookup}" placeholder="35.180.1.1" required spellcheck="false" autocomplete="off"></label>
<button>Look up</button></form>
${found && renderAnswered(found, renderFound)}`;
}

function renderAnswered<Answer>(
  answered: Answered<Answer>,
  render: (answer: Answer) => Html,
): Html {
  return answered.kind === "mistake"
    ? html`<p class="mistake" role="alert">${answered.message}</p>`
    : html`<div class="answer">${render(answered.answer)}</div>`;
}

function renderFound({ address, location, prefix }: Found): Html {
  return location === null
    ? html`<p><b>${address}</b> is in no known location.</p>`
    : html`<p><b>${address}</b> is in <b>${location}</b>, by the prefix ${prefix}.</p>`;
}

interface Step {
  readonly title: string;
  readonly text: Content;
  readonly state: "chosen" | "passed" | "plain";
}

/** The way of a request: location, rule, each mirror, and where the client goes. */
function renderExplanation(explained: Explanation): Html {
  return html`<ol class="way">${
    listSteps(explained).map(({ title, text, state }) =>
      html`<li class="${state}"><b>${title}</b> ${text}</li>`
    )
  }</ol>`;
}

function listSteps(explained: Explanation): Step[] {
  const { address, location, prefix, rule, asked } = explained;
  return [
    {
      title: "Client",
      text: html`${address} asks for ${asked.replaceAll("_", " ")}: <code>${explained.path}</code>`,
      state: "plain",
    },
    {
      title: "Location",
      text: location === null ? "none is known" : html`${location}, by the prefix ${prefix}`,
      state: "plain",
    },
    ...listRepositorySteps(explained),
    {
      title: "Rule",
      text: rule === null
        ? "none: the answer does not depend on where the client is"
        : `${rule.number}, for ${rule.clients.join(", ")}`,
      state: "plain",
    },
    ...listMirrorSteps(explained),
    ...listUpstreamSteps(explained),
    { title: "Answer", text: formatAnswer(explained), state: "chosen" },
  ];
}

function listRepositorySteps({ repository }: Explanation): Step[] {
  if (repository === null) return [];
  const { pattern, upstream, name } = repository;
  const where = upstream === null ? "the main upstream, or a rule's" : `the upstream ${upstream}`;
  const text = html`<code>${name}</code> in ${where}, by the pattern ${pattern}`;
  return [{ title: "Repository", text, state: "plain" }];
}

function listMirrorSteps(explained: Explanation): Step[] {
  const { mirrors, redirect } = explained;
  const chosen = mirrors.find(({ location }) => location === redirect);
  return mirrors.map((mirror) => ({
    title: `Mirror ${mirror.name}`,
    text: mirror === chosen
      ? html`serves: ${describeChosen(mirror)}`
      : html`does not serve: ${describeNot(mirror, explained, chosen)}`,
    state: mirror === chosen ? "chosen" : "passed",
  }));
}

function isKnown({ blob }: ExplainedMirror): boolean {
  return blob === "found" || blob === "stale";
}

function describeChosen(mirror: ExplainedMirror): string {
  return isKnown(mirror)
    ? "it is known to have the blob"
    : "it is asked first, and is where the client goes if it has the blob";
}

/** Why a mirror does not serve. */
function describeNot(
  mirror: ExplainedMirror,
  { mirrors, asks }: Explanation,
  chosen: ExplainedMirror | undefined,
): string {
  if (mirror.state === "down") return "it is down";
  if (mirror.blob === "missing") return "it lacks the blob";
  const isLater = chosen !== undefined && mirrors.indexOf(mirror) > mirrors.indexOf(chosen);
  if (chosen !== undefined && isKnown(chosen)) {
    return isLater ? "one before it has the blob" : "a later one is known to have the blob";
  }
  if (isLater && asks.includes(mirror.name)) return "it is asked if those before it lack the blob";
  return chosen === undefined && (isKnown(mirror) || asks.includes(mirror.name))
    ? "it takes no more clients of mirrors that are down"
    : "too many requests are in flight to ask it now";
}

function listUpstreamSteps({ upstream, signatures, redirect }: Explanation): Step[] {
  const all = [["Upstream", upstream], ["Signature upstream", signatures]] as const;
  return all.flatMap(([title, location]): Step[] =>
    location === null ? [] : [{
      title,
      text: location === redirect ? "serves" : "does not serve: it is not needed",
      state: location === redirect ? "chosen" : "passed",
    }]
  );
}

function formatAnswer({ status, redirect, error, blobs }: Explanation): Content {
  if (error !== null) return `${status} ${error.code}: ${error.message}`;
  if (redirect === null) return `status ${status}`;
  const where = html`${status} to <code>${redirect}</code>`;
  return blobs.length === 0
    ? where
    : html`${where}; its blobs come from ${blobs.join(", ")}, else from the upstream`;
}
