/**
 * A position in a text, which patterns advance.
 *
 * @module
 */

/** A place in a text. Lines and columns count from 1. */
export interface Place {
  /** The number of the line. */
  readonly line: number;
  /** The column, in UTF-16 code units. */
  readonly column: number;
}

/** A text and a position in it. Patterns are sticky: they match only at the position. */
export interface Cursor {
  /** Whether the position is at the end. */
  isAtEnd(): boolean;
  /** Matches a pattern here. */
  match(pattern: RegExp): RegExpExecArray | undefined;
  /** Matches a pattern here and moves past the match. */
  take(pattern: RegExp): RegExpExecArray | undefined;
  /** Moves past some characters. */
  skip(length: number): void;
  /** The current place. */
  place(): Place;
  /** The line's leading blanks, if nothing else precedes the position in the line. */
  indentation(): string | undefined;
}

/** Makes a cursor at the beginning of a text. */
export function createCursor(text: string): Cursor {
  const lineEnd = /\r\n?|\n/g;
  let at = 0;
  let line = 1;
  let lineStart = 0;
  let nextStart = findNextStart();

  function findNextStart(): number {
    return lineEnd.test(text) ? lineEnd.lastIndex : Infinity;
  }

  function goToLine(): void {
    for (; nextStart <= at; nextStart = findNextStart()) {
      line++;
      lineStart = nextStart;
    }
  }

  function match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = at;
    return pattern.exec(text) ?? undefined;
  }

  return {
    match,
    isAtEnd: () => at >= text.length,
    take(pattern) {
      const found = match(pattern);
      if (found !== undefined) at += found[0].length;
      return found;
    },
    skip(length) {
      at += length;
    },
    place() {
      goToLine();
      return { line, column: at - lineStart + 1 };
    },
    indentation() {
      goToLine();
      const before = text.slice(lineStart, at);
      return /[^ \t]/.test(before) ? undefined : before;
    },
  };
}
