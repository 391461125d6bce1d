/**
 * Where clients are, and why a mirror did not serve them.
 *
 * @module
 */

import type { LocationStatus, RuleStatus, Status } from "../status.ts";
import { formatCount, formatNumber, formatShare, formatShort } from "./format.ts";
import { type Content, type Html, html } from "./html.ts";
import { LAND } from "./land.ts";
import { MAP_HEIGHT, MAP_WIDTH, project } from "./projection.ts";
import { table } from "./table.ts";

/** Where clients are: a map and a table. */
export function renderClients({ clients, rules }: Status): Html {
  const { locations, nowhere, others, not_looked_up } = clients;
  const rest = [
    { name: "in no known location", count: nowhere },
    { name: "in locations that are not counted apart", count: others },
    { name: "whose location nothing depended on", count: not_looked_up },
  ].filter(({ count }) => count > 0);
  const all = locations.reduce((sum, { pulls }) => sum + pulls, 0) +
    rest.reduce((sum, { count }) => sum + count, 0);
  return html`<div class="sides"><div>${renderMap(locations, all)}
${
    rest.map(({ name, count }) =>
      html`<p class="note">${formatNumber(count, "pull")} (${
        formatShare(count, all)
      }) of clients ${name}.</p>`
    )
  }</div>${renderLocations(locations, { all, rules })}</div>`;
}

function renderLocations(
  locations: readonly LocationStatus[],
  { all, rules }: { readonly all: number; readonly rules: readonly RuleStatus[] },
): Html {
  const mirrorsOf = new Map(rules.map(({ rule, mirrors }) => [rule, mirrors]));
  return table({
    caption: "Clients by location",
    columns: [
      { title: "Location", cell: ({ location }) => location },
      { title: "Pulls", numeric: true, cell: ({ pulls }) => formatCount(pulls) },
      { title: "Share", numeric: true, cell: ({ pulls }) => formatShare(pulls, all) },
      {
        title: "From mirrors",
        numeric: true,
        cell: ({ from_mirrors, pulls }) => formatShare(from_mirrors, pulls),
      },
      {
        title: "Sent to",
        cell: ({ rule }) => formatTargets(rule, mirrorsOf.get(rule) ?? []),
      },
    ],
    rows: locations,
    empty: "No pull yet whose answer depended on where the client is.",
  });
}

function formatTargets(rule: number | null, mirrors: readonly string[]): Content {
  const targets = mirrors.length === 0 ? "the upstream" : mirrors.join(", ");
  return html`${targets}<small>${rule === null ? "no rule" : `rule ${rule}`}</small>`;
}

const SMALLEST = 2.5;
const LARGEST = 16;

function renderMap(locations: readonly LocationStatus[], all: number): Html {
  const placed = locations.filter(({ coordinates }) => coordinates !== null);
  const label = placed.length === 0
    ? "A map of the world, without clients yet"
    : `A map of the world with clients in ${placed.length} places, most in ${placed[0]!.location}`;
  return html`
    <svg class="map" viewBox="0 0 ${MAP_WIDTH} ${MAP_HEIGHT}" role="img" aria-label="${label}">
    <path class="land" d="${LAND}"/>${placed.map((location) => renderDot(location, all))}</svg>
    <p
      class="legend"><span class="key near">most from mirrors</span> <span class="key far">most from upstreams</span></p>
  `;
}

function renderDot(
  { location, coordinates, pulls, from_mirrors }: LocationStatus,
  all: number,
): Html {
  const [x, y] = project(coordinates!);
  // By area, as the eye compares.
  const radius = SMALLEST + (LARGEST - SMALLEST) * Math.sqrt(pulls / all);
  const side = 2 * from_mirrors >= pulls ? "near" : "far";
  const text = `${location}: ${formatNumber(pulls, "pull")}, ${formatShare(pulls, all)}`;
  return html`
    <circle class="${side}" cx="${x}" cy="${y}" r="${Math.round(radius * 10) / 10}">
      <title>${text}</title>
    </circle>
  `;
}

/** Why a mirror did not serve, by rule. */
export function renderRules({ rules }: Status): Html {
  const columns = [
    { title: "Missing", count: ({ outcomes }: RuleStatus) => outcomes.missing },
    { title: "Busy", count: ({ outcomes }: RuleStatus) => outcomes.busy },
    { title: "Down", count: ({ outcomes }: RuleStatus) => outcomes.down },
    { title: "Limit", count: ({ outcomes }: RuleStatus) => outcomes.fallback_limit },
    { title: "Came back", count: ({ outcomes }: RuleStatus) => outcomes.retry },
    { title: "No mirror", count: ({ outcomes }: RuleStatus) => outcomes.no_mirror },
  ];
  return html`
    ${table({
      caption: "Why a mirror did not serve, by rule",
      columns: [
        {
          title: "Rule",
          cell: ({ rule, clients }: RuleStatus) =>
            html`${rule === null ? "no rule" : `rule ${rule}`}<small>${
              clients.length === 0 ? "other clients" : clients.join(", ")
            }</small>`,
        },
        {
          title: "From mirrors",
          numeric: true,
          cell: ({ outcomes }) => formatCount(outcomes.found + outcomes.fallback),
        },
        ...columns.map(({ title, count }) => ({
          title,
          numeric: true,
          cell: (rule: RuleStatus) => formatZero(count(rule)),
        })),
      ],
      rows: rules.toSorted((one, other) => countPulls(other) - countPulls(one)),
      empty: "There is no rule: upstreams serve everything.",
      rowClass: (rule) => countPulls(rule) === 0 ? "idle" : "",
    })}
    <p
      class="note"><b>Missing</b>: no mirror of the rule has the blob. <b>Busy</b>: no probe was free, or none answered in time. <b>Down</b>: all mirrors are down. <b>Limit</b>: a mirror took all it may take for others. <b>Came back</b>: a client asked again, and its mirror did not deliver. <b>No mirror</b>: the rule has none.</p>
  `;
}

function countPulls({ outcomes }: RuleStatus): number {
  return Object.values(outcomes).reduce((sum, count) => sum + count, 0);
}

function formatZero(count: number): string {
  return count === 0 ? "0" : formatShort(count);
}
