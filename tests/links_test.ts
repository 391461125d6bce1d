/**
 * Every link in the documentation leads somewhere: to a file that there is, and to a heading
 * that it has. Links to other sites are looked at only for their form.
 */

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);
const FOLDERS = ["", "docs/", "docs/examples/", ".github/"];

function listPages(): string[] {
  return FOLDERS.flatMap((folder) =>
    [...Deno.readDirSync(new URL(folder, ROOT))]
      .filter(({ name }) => name.endsWith(".md"))
      .map(({ name }) => folder + name)
  ).toSorted();
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** A page's text without what is code. */
function withoutCode(markdown: string): string {
  return markdown.replace(/^( *)```[^]*?^\1```$/gm, "").replace(/`[^`\n]*`/g, "");
}

/** The targets of links in a page. */
function linksOf(markdown: string): string[] {
  const text = withoutCode(markdown);
  const inline = [...text.matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g)];
  const defined = [...text.matchAll(/^\[[^\]]+\]: (\S+)/gm)];
  const html = [...text.matchAll(/\b(?:href|src|srcset)="([^"]*)"/g)];
  return [...inline, ...defined, ...html].map(([, target]) => target!);
}

/** The fragments that a page's headings have, as GitHub makes them. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  const text = markdown.replace(/^( *)```[^]*?^\1```$/gm, "");
  for (const [, heading] of text.matchAll(/^#{1,6} (.*)$/gm)) {
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const anchor = plain.toLowerCase().replace(/[^\p{L}\p{N}_\- ]/gu, "").replaceAll(" ", "-");
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

/** What is wrong with a link in a page, or `undefined`. */
function findFault(page: string, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) {
    const fits = target.startsWith("https://") && URL.canParse(target);
    return fits ? undefined : "is no https: URL";
  }
  const { pathname, hash } = new URL(target, new URL(page, "file:///checkout/"));
  if (!pathname.startsWith("/checkout/")) return "leads out of the project";
  const path = pathname.slice("/checkout/".length);
  try {
    Deno.statSync(new URL(path, ROOT));
  } catch {
    return "leads to no file";
  }
  if (hash === "") return undefined;
  const has = path.endsWith(".md") && anchorsOf(read(path)).has(decodeURIComponent(hash.slice(1)));
  return has ? undefined : "leads to no heading";
}

Deno.test("linksOf() and anchorsOf() find what there is, outside of code", () => {
  const page = "# A `b`, c!\n[a](x.md#y) `[b](z)`\n```sh\n# no\n[c](w)\n```\n## A b c\n" +
    '<img src="p.png">\n[d]: https://a.example\n## A b c\n';
  assertEquals(linksOf(page), ["x.md#y", "https://a.example", "p.png"]);
  assertEquals([...anchorsOf(page)], ["a-b-c", "a-b-c-1", "a-b-c-2"]);
});

Deno.test("findFault() tells what is wrong with a link", () => {
  const table = [
    { asked: "limits.md", expected: undefined },
    { asked: "limits.md#what-it-does-not-do", expected: undefined },
    { asked: "#nowhere", expected: "leads to no heading" },
    { asked: "limits.md#nowhere", expected: "leads to no heading" },
    { asked: "nothing.md", expected: "leads to no file" },
    { asked: "../../etc/passwd", expected: "leads out of the project" },
    { asked: "http://a.example", expected: "is no https: URL" },
    { asked: "https://a.example/b#c", expected: undefined },
  ];
  for (const { asked, expected } of table) {
    assertEquals(findFault("docs/limits.md", asked), expected, asked);
  }
});

Deno.test("every link in the documentation leads somewhere", () => {
  const pages = listPages();
  assert(pages.includes("README.md") && pages.includes("docs/CHANGELOG.md"));
  const faults = pages.flatMap((page) =>
    linksOf(read(page)).flatMap((target) => {
      const fault = findFault(page, target);
      return fault === undefined ? [] : `${page}: ${target} ${fault}`;
    })
  );
  assertEquals(faults, []);
});

Deno.test("every page is linked to from README.md", () => {
  const linked = new Set(linksOf(read("README.md")).map((target) => target.split("#")[0]));
  const pages = listPages().filter((page) => page.startsWith("docs/"));
  assertEquals(pages.filter((page) => !linked.has(page)), []);
});
