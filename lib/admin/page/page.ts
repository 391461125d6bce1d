/**
 * The page for operators. It is made of sections, which the server renders, and which the script
 * in a browser renders again from `/status`.
 *
 * @module
 */

import type { Status } from "../status.ts";
import { renderCharts } from "./charts.ts";
import { renderClients, renderRules } from "./clients.ts";
import { formatSince, formatTime } from "./format.ts";
import { type Content, type Html, html } from "./html.ts";
import {
  renderConfiguration,
  renderData,
  renderEvents,
  renderHosts,
  renderRepositories,
} from "./lists.ts";
import { type Questions, renderQuestions } from "./questions.ts";
import { renderMirrors, renderUpstreams } from "./servers.ts";
import { renderFigures, renderVerdict } from "./verdict.ts";

/** A part of the page that changes with the state. */
export interface Part {
  /** The id of its element. */
  readonly id: string;
  /** Renders it; `undefined` leaves it as it is. */
  readonly render: (status: Status) => Html | undefined;
}

/** The parts that change with the state. */
export const PARTS: readonly Part[] = [
  { id: "verdict", render: renderVerdict },
  { id: "figures", render: renderFigures },
  { id: "mirrors-part", render: renderMirrors },
  { id: "traffic-part", render: renderCharts },
  { id: "clients-part", render: renderClients },
  { id: "rules-part", render: renderRules },
  { id: "upstreams-part", render: renderUpstreams },
  { id: "repositories-part", render: renderRepositories },
  { id: "hosts-part", render: renderHosts },
  { id: "data-part", render: renderData },
  { id: "events-part", render: renderEvents },
  { id: "program-part", render: renderProgram },
];

const LINKS = [
  ["mirrors", "Mirrors"],
  ["ask", "Ask"],
  ["traffic", "Traffic"],
  ["clients", "Clients"],
  ["rules", "Why not a mirror"],
  ["upstreams", "Upstreams"],
  ["hosts", "Hosts"],
  ["events", "Events"],
  ["data", "Data"],
  ["configuration", "Configuration"],
] as const;

/** Renders the page. */
export function renderPage(status: Status, questions: Questions): string {
  const part = (id: string) =>
    html`<div id="${id}">${PARTS.find((part) => part.id === id)!.render(status)}</div>`;
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <title>${titleOf(status)}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="/page.css">
        <script type="module" src="/page.js"></script>
      </head>
      <body>
        <a class="skip" href="#main">To the content</a>
        <header><span class="name">archeio</span>
    <nav aria-label="Parts of the page">${LINKS.map(([id, name]) =>
      html`
        <a href="#${id}">${name}</a>
      `
    )}</nav><p id="live">as of ${formatTime(status.time)}</p></header>
        <main id="main">${part("verdict")}${part("figures")}
    ${section("mirrors", "Mirrors", part("mirrors-part"))}
    ${section("ask", "Why is a client sent there?", renderQuestions(questions))}
    ${section("traffic", "Traffic", html`${SPAN_CHOICE}${part("traffic-part")}`)}
    ${section("clients", "Where clients are, and where they are sent", part("clients-part"))}
    ${section("rules", "Why not a mirror", part("rules-part"))}
    <div class="sides">${section("upstreams", "Upstreams", part("upstreams-part"))}
    ${section("repositories", "Most pulled repositories", part("repositories-part"))}</div>
    ${section("hosts", "Hosts that clients are sent to, for firewalls", part("hosts-part"))}
    <div class="sides">${section("events", "Events", part("events-part"))}
    ${section("data", "How old the data is", part("data-part"))}</div>
    ${section("configuration", "Configuration in effect", renderConfiguration(status))}
        </main>
        <footer>${part("program-part")}</footer>
      </body>
    </html>
  `.html;
}

function section(id: string, title: string, content: Content): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>${content}</section>`;
}

// Works without a script: a style sheet shows the charts of the span that is chosen.
const SPAN_CHOICE = html`<fieldset class="choice"><legend class="hidden">Time span</legend>
<label><input type="radio" name="span" id="span-hour" checked> Last hour</label>
<label><input type="radio" name="span" id="span-day"> Last day</label></fieldset>`;

/** The title of the page: what is wrong is seen in a tab of the browser. */
export function titleOf({ mirrors, problems }: Status): string {
  const down = mirrors.filter(({ state }) => state === "down").length;
  if (down > 0) return `${down} down · archeio`;
  return problems.length > 0 ? `(${problems.length}) archeio` : "archeio";
}

function renderProgram({ program, time }: Status): Html {
  const { version, deno, started } = program;
  return html`<p>archeio ${version} (runtime ${deno}), up for ${
    formatSince(started, time)
  }. All of this as JSON: <a href="/status">/status</a>; metrics: <a href="/metrics">/metrics</a>.</p>`;
}
