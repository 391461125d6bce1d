/**
 * Finds the places of the keys and items in a YAML text. The YAML parser returns values
 * without positions; the line numbers of mistakes come from here.
 *
 * Only the structure is read: block collections are recognised by their columns, flow
 * collections by their brackets
 * (https://yaml.org/spec/1.2.2/#chapter-8-block-style-productions). The text must be valid
 * YAML. Keys after a question mark, and everything below an alias, are left out.
 *
 * @module
 */

import { parse as parseYaml } from "@std/yaml";
import { createCursor, type Cursor, type Place } from "./cursor.ts";
import { formatPath } from "./mapping.ts";

/** An outline. */
export interface Outline {
  /** The place of each key and item, by its path, such as `rules[2].clients[0]`. */
  readonly places: ReadonlyMap<string, Place>;
  /** Lines indented with a tab, which YAML does not allow as indentation. */
  readonly tabs: readonly Place[];
}

/** A collection that has not ended. */
interface Frame {
  readonly style: "block" | "flow";
  readonly list: boolean;
  /** The column of its entries, in block style. */
  readonly column: number;
  /** The keys that lead to it, or `undefined` if they are more than any configuration has. */
  readonly keys: readonly unknown[] | undefined;
  /** The key of the entry that is being read; in a list, its index. */
  key: string | number;
  /** Whether that entry has begun, in flow style. */
  begun: boolean;
}

interface State {
  readonly cursor: Cursor;
  readonly stack: Frame[];
  readonly places: Map<string, Place>;
  readonly tabs: Place[];
}

// No configuration is nested deeper, and the memory for paths grows with the depth squared.
const DEEPEST = 8;

// Only a path with an unknown key is longer.
const LONGEST_PATH = 1000;

const SPACE = /\s+/y;
const COMMENT = /(?<!\S)#[^\r\n]*/y;
const DOCUMENT = /(?<![^\r\n])(?:---|\.\.\.)(?!\S)/y;
const QUOTED = /"[^"\\]*(?:\\[^][^"\\]*)*"?|'[^']*'?/y;
/** An anchor, a tag, or an alias. */
const PROPERTY = /[&!*][^\s,[\]{}]*/y;
const ITEM = /-(?!\S)/y;
const KEY_MARK = /[?:](?!\S)/y;
// YAML limits such a key to 1,024 characters.
const BLOCK_KEY =
  /(?:[&!]\S*[ \t]+)*("(?:[^"\\\r\n]|\\.){0,1024}"|'(?:[^'\r\n]|''){0,1024}'|[^\s"'#&!*[\]{}|>](?:(?!\s#)[^\r\n]){0,1023}?)[ \t]*:(?!\S)/y;
const BLOCK_TEXT = /[|>][-+\d]*[ \t]*(?:#[^\r\n]*)?(?:\r\n?|\n|$)/y;
const TEXT_LINE = /( *)([^\r\n]*)(?:\r\n?|\n|$)/y;
const REST_OF_LINE = /[^\r\n]+/y;
const FLOW_TEXT = /(?:(?!:(?:[\s,[\]{}]|$)|\s#)[^,[\]{}\r\n]){1,4096}/y;
const FLOW_KEY_MARK = /\s*:/y;

/** Finds the places of a text's keys and items. */
export function outlineOf(text: string): Outline {
  const cursor = createCursor(text);
  const state: State = { cursor, stack: [], places: new Map(), tabs: [] };
  while (!cursor.isAtEnd()) {
    if (cursor.take(SPACE) ?? cursor.take(COMMENT) ?? cursor.take(DOCUMENT)) continue;
    const top = state.stack.at(-1);
    if (top?.style === "flow") readFlow(state, top);
    else readBlock(state);
  }
  return state;
}

/**
 * The place of a path, or of its nearest ancestor that is present: `upstreams.main` for a
 * missing `upstreams.main.endpoint`. `undefined` if only the whole text contains it.
 */
export function tryPlace({ places }: Outline, path: string): Place | undefined {
  let end = Math.min(path.length, LONGEST_PATH);
  for (; end > 0; end = Math.max(path.lastIndexOf(".", end - 1), path.lastIndexOf("[", end - 1))) {
    const place = places.get(path.slice(0, end));
    if (place !== undefined) return place;
  }
  return undefined;
}

function readBlock(state: State): void {
  const { cursor, stack } = state;
  noteTab(state);
  if (cursor.take(KEY_MARK)) return;
  const { column } = cursor.place();
  const key = cursor.match(BLOCK_KEY);
  const bracket = cursor.match(/[[{]/y)?.[0];
  if (cursor.match(ITEM)) {
    const list = blockAt(state, column, true);
    begin(state, list, Number(list.key) + 1);
    cursor.take(ITEM);
  } else if (key) {
    begin(state, blockAt(state, column, false), readKey(key[1]!));
    cursor.take(BLOCK_KEY);
  } else if (bracket) {
    open(state, { style: "flow", list: bracket === "[", column: 0 });
    cursor.skip(1);
  } else if (cursor.take(BLOCK_TEXT)) {
    skipText(cursor, stack.at(-1)?.column ?? 0);
  } else {
    cursor.take(QUOTED) ?? cursor.take(PROPERTY) ?? cursor.take(REST_OF_LINE);
  }
}

// An entry is indented by spaces alone. Other lines need as many as their collection, and may
// have any blanks after those (https://yaml.org/spec/1.2.2/#61-indentation-spaces).
function noteTab({ cursor, stack, tabs }: State): void {
  const indentation = cursor.indentation();
  const tab = indentation?.indexOf("\t") ?? -1;
  if (tab < 0) return;
  const isEntry = cursor.match(ITEM) ?? cursor.match(BLOCK_KEY);
  if (!isEntry && tab >= (stack.at(-1)?.column ?? 0)) return;
  tabs.push({ line: cursor.place().line, column: tab + 1 });
}

/** The collection whose entries are in a column; ends deeper ones. */
function blockAt(state: State, column: number, list: boolean): Frame {
  const { stack } = state;
  for (;;) {
    const top = stack.at(-1);
    if (top === undefined || top.column < column) break;
    if (top.column === column && top.list === list) return top;
    // A list may be in the same column as its key.
    if (top.column === column && list) break;
    stack.pop();
  }
  return open(state, { style: "block", list, column });
}

function open({ stack }: State, kind: Pick<Frame, "style" | "list" | "column">): Frame {
  const top = stack.at(-1);
  const keys = top === undefined ? [] : top.keys && [...top.keys, top.key];
  const isDeep = keys === undefined || keys.length > DEEPEST;
  const frame = { ...kind, keys: isDeep ? undefined : keys, key: -1, begun: false };
  stack.push(frame);
  return frame;
}

function begin({ cursor, places }: State, frame: Frame, key: string | number): void {
  frame.key = key;
  frame.begun = true;
  if (frame.keys !== undefined) places.set(formatPath([...frame.keys, key]), cursor.place());
}

function skipText(cursor: Cursor, indentation: number): void {
  while (!cursor.isAtEnd()) {
    const [, spaces, rest] = cursor.match(TEXT_LINE)!;
    if (rest!.trim() !== "" && spaces!.length < indentation) return;
    cursor.take(TEXT_LINE);
  }
}

function readFlow(state: State, frame: Frame): void {
  const { cursor, stack } = state;
  const mark = cursor.match(/[[\]{},]/y)?.[0];
  if (mark === "]" || mark === "}") {
    stack.pop();
  } else if (mark === ",") {
    frame.begun = false;
  } else if (mark !== undefined) {
    if (frame.list && !frame.begun) begin(state, frame, Number(frame.key) + 1);
    open(state, { style: "flow", list: mark === "[", column: 0 });
  }
  if (mark !== undefined) cursor.skip(1);
  else if (cursor.take(PROPERTY) === undefined) readFlowText(state, frame);
}

function readFlowText(state: State, frame: Frame): void {
  const { cursor } = state;
  const quoted = cursor.match(QUOTED);
  const text = quoted ?? cursor.match(FLOW_TEXT);
  if (text === undefined) return cursor.skip(1);
  if (!frame.begun) {
    begin(state, frame, frame.list ? Number(frame.key) + 1 : readKey(text[0].trimEnd()));
  }
  cursor.skip(text[0].length);
  // After a quoted key, the colon needs no space.
  if (quoted) cursor.take(FLOW_KEY_MARK);
}

// A key is parsed like a value: 0x10 is the key 16.
function readKey(written: string): string {
  try {
    return String(parseYaml(written));
  } catch {
    return written;
  }
}
