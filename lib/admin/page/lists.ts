/**
 * Repositories, hosts, data, events, the configuration.
 *
 * @module
 */

import { formatBackend } from "../../redirect/backends.ts";
import type { Status } from "../status.ts";
import { formatCount, formatSince, formatTime, UNKNOWN } from "./format.ts";
import { type Html, html } from "./html.ts";
import { table } from "./table.ts";

/** The most pulled repositories. */
export function renderRepositories({ repositories }: Status): Html {
  return table({
    caption: "The most pulled repositories",
    columns: [
      { title: "Repository", cell: ({ name }) => name },
      { title: "Pulls", numeric: true, cell: ({ pulls }) => formatCount(pulls) },
      {
        title: "Off by at most",
        numeric: true,
        cell: ({ error }) => error === 0 ? "exact" : formatCount(error),
      },
    ],
    rows: repositories,
    empty: "No pull yet.",
  });
}

/** The hosts that a client may be sent to. */
export function renderHosts({ backends }: Status): Html {
  return table({
    caption: "Hosts that a client may be sent to, for firewalls",
    columns: [
      { title: "Host", cell: formatBackend },
      {
        title: "What for",
        cell: ({ purposes, by_clients }) =>
          html`${purposes.join("; ")}${!by_clients && html`<small>no client goes there</small>`}`,
      },
    ],
    rows: backends,
    empty: "There is no host.",
  });
}

/** The prefixes of each cloud. */
export function renderData({ data }: Status): Html {
  return table({
    caption: "Prefixes of clouds",
    columns: [
      {
        title: "Cloud",
        cell: ({ provider, source }) => html`${provider}<small>${source}</small>`,
      },
      {
        title: "Age",
        numeric: true,
        cell: ({ age_days, date }) =>
          age_days === null ? UNKNOWN : html`${age_days} d<small>${date}</small>`,
      },
      { title: "Prefixes", numeric: true, cell: ({ prefixes }) => formatCount(prefixes) },
      { title: "Regions", numeric: true, cell: ({ locations }) => formatCount(locations) },
    ],
    rows: data,
    empty: "There is no data.",
  });
}

/** The last events. */
export function renderEvents({ events, time }: Status): Html {
  return table({
    caption: "The last events",
    columns: [
      {
        title: "When",
        cell: (event) =>
          html`${formatSince(event.time, time)} ago<small>${formatTime(event.time)}</small>`,
      },
      {
        title: "What",
        cell: ({ text, count }) =>
          html`${text}${
            count > 1 && html`
              <small>${formatCount(count)} times</small>
            `
          }`,
      },
    ],
    rows: events,
    empty: "Nothing has happened yet.",
    rowClass: ({ kind }) => /down|refused|failed|error|lost/.test(kind) ? "down" : "",
  });
}

/** The configuration in effect. */
export function renderConfiguration({ configuration }: Status): Html {
  return html`
    <details>
      <summary>Show it, as JSON without secrets</summary>
      <pre tabindex="0">${JSON.stringify(configuration, null, 2)}</pre>
    </details>
  `;
}
