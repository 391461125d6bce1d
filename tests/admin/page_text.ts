/**
 * Reading the page as a person does.
 *
 * @module
 */

/** The text of a page, as a person reads it. */
export function textOf(page: string): string {
  return page.replaceAll(/<(?:script|style|title)[^]*?<\/(?:script|style|title)>/g, "")
    .replaceAll(/<[^>]*>/g, " ").replaceAll("&gt;", ">").replaceAll("&lt;", "<")
    .replaceAll("&#39;", "'").replaceAll("&amp;", "&").replaceAll(/\s+/g, " ");
}
