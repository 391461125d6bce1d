/**
 * Tables, which become a list of cards on a narrow screen.
 *
 * @module
 */

import { type Content, type Html, html } from "./html.ts";

/** A column. */
export interface Column<Row> {
  /** Its heading. */
  readonly title: string;
  /** The content of its cell in a row. */
  readonly cell: (row: Row) => Content;
  /** Whether it has numbers, which are aligned at the right. */
  readonly numeric?: boolean;
}

/** What a table is made of. */
export interface TableParts<Row> {
  /** Says what the table lists. */
  readonly caption: string;
  /** The columns; the first names the row. */
  readonly columns: readonly Column<Row>[];
  /** The rows. */
  readonly rows: readonly Row[];
  /** What is said in place of no rows. */
  readonly empty: string;
  /** A class of a row. */
  readonly rowClass?: (row: Row) => string;
}

/** Makes a table in a box that scrolls by itself when it is long. */
export function table<Row>(parts: TableParts<Row>): Html {
  const { caption, columns, rows, empty } = parts;
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  // A browser may drop the roles of a table that is laid out as cards.
  return html`
    <div class="scroll" role="group" aria-label="${caption}" tabindex="0">
      <table role="table">
        <caption class="hidden">${caption}</caption>
        <thead role="rowgroup">
          <tr role="row">${columns.map(({ title, numeric }) =>
            html`<th role="columnheader" scope="col" class="${classOf(numeric)}">${title}</th>`
          )}</tr>
        </thead>
        <tbody role="rowgroup">${rows.map((row) => formatRow(row, parts))}</tbody>
      </table>
    </div>
  `;
}

function formatRow<Row>(row: Row, { columns, rowClass }: TableParts<Row>): Html {
  const [first, ...others] = columns;
  return html`<tr role="row" class="${rowClass?.(row) ?? ""}">
<th role="rowheader" scope="row">${first!.cell(row)}</th>${
    others.map(({ title, cell, numeric }) =>
      html`<td role="cell" data-title="${title}" class="${classOf(numeric)}">${cell(row)}</td>`
    )
  }</tr>`;
}

function classOf(numeric: boolean | undefined): string {
  return numeric ? "number" : "";
}
