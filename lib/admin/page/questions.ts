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
<label class="wide">What it asks for <input name="path" value="${texts.path}" placeholder="/v2/pause/manifests/3.9" required spellcheck="false" autocomplete="off"></label>
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

function listMirrorSteps({ mirrors, redirect }: Explanation): Step[] {
  const chosen = mirrors.findIndex(({ location }) => location === redirect);
  return mirrors.map((mirror, at) => ({
    title: `Mirror ${mirror.name}`,
    text: at === chosen
      ? html`serves: ${describeChosen(mirror)}`
      : html`does not serve: ${describeNot(mirror, { at, chosen })}`,
    state: at === chosen ? "chosen" : "passed",
  }));
}

function describeChosen({ known }: ExplainedMirror): string {
  return known === "found" || known === "stale"
    ? "it is known to have the blob"
    : "it is up, and is asked for the blob when a client asks; this is where it goes if it has it";
}

/** Why a mirror does not serve. */
function describeNot(
  { state, known }: ExplainedMirror,
  { at, chosen }: { readonly at: number; readonly chosen: number },
): string {
  if (state === "down") return "it is down";
  if (known === "missing") return "it lacks the blob";
  if (chosen >= 0 && at > chosen) return "one before it serves";
  return chosen < 0
    ? "it takes no more for mirrors that are down"
    : "a later one is known to have it";
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

function formatAnswer({ status, redirect, error }: Explanation): Content {
  if (error !== null) return `${status} ${error.code}: ${error.message}`;
  return redirect === null ? `status ${status}` : html`${status} to <code>${redirect}</code>`;
}
