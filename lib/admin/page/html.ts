/**
 * HTML as a value: text is escaped wherever it is put into HTML, so text from outside is only
 * ever a text node or the value of an attribute in quotes.
 *
 * @module
 */

/** A piece of HTML. */
export interface Html {
  /** The HTML. */
  readonly html: string;
}

/** What can be put into HTML: text, HTML, nothing, or a list of these. */
export type Content = string | number | Html | null | undefined | false | readonly Content[];

/** Makes HTML of a template. An attribute with a value must have it in double quotes. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  let made = parts[0]!;
  for (const [at, content] of contents.entries()) made += toHtml(content) + parts[at + 1]!;
  return { html: made };
}

function toHtml(content: Content): string {
  if (content === null || content === undefined || content === false) return "";
  if (typeof content === "string") return escape(content);
  if (typeof content === "number") return String(content);
  if ("html" in content) return content.html;
  return content.map(toHtml).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

// Bidirectional controls could show a text in another order than it has.
const CONTROLS = /(?![\t\n])[\p{Cc}\p{Bidi_Control}]/gu;

function escape(text: string): string {
  return text.replaceAll(CONTROLS, "\ufffd").replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign]!);
}
