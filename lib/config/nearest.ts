/**
 * Guesses which name was meant by an unknown one.
 *
 * @module
 */

// No name is longer, so a longer text is not a misspelt name.
const LONGEST = 64;

/**
 * The name nearest to a misspelt one: the same in another case, one that it abbreviates, or
 * one that few edits lead to. `undefined` if none is near.
 */
export function tryNearest(found: string, names: Iterable<string>): string | undefined {
  if (found.length === 0 || found.length > LONGEST) return undefined;
  const lower = found.toLowerCase();
  let best: string | undefined;
  // One edit in a short word, up to three in a long one.
  let most = found.length < 5 ? 1 : found.length < 10 ? 2 : 3;
  for (const name of names) {
    const other = name.toLowerCase();
    if (other === lower) return name;
    const edits = countEdits(lower, other, most);
    if (edits > most) continue;
    best = name;
    most = edits - 1;
  }
  return best ?? tryBegunWith(lower, names);
}

/**
 * The suffix for a mistake's message if a name is near, such as `; did you mean cdn?`; empty
 * otherwise.
 */
export function didYouMean(found: string, names: Iterable<string>): string {
  const nearest = tryNearest(found, names);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}

function tryBegunWith(lower: string, names: Iterable<string>): string | undefined {
  if (lower.length < 3) return undefined;
  const begun = [...names].filter((name) => name.toLowerCase().startsWith(lower));
  return begun.length === 1 ? begun[0] : undefined;
}

/**
 * The number of edits from one text to the other: letters inserted, deleted, substituted, or
 * swapped with a neighbour (the optimal string alignment distance). Returns any number above
 * `most` if it takes more than that.
 */
function countEdits(from: string, to: string, most: number): number {
  if (Math.abs(from.length - to.length) > most) return most + 1;
  let before: number[] = [];
  let last: number[] = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row++) {
    const next = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let edits = Math.min(last[column]! + 1, next[column - 1]! + 1, last[column - 1]! + +!same);
      const swapped = row > 1 && column > 1 &&
        from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) edits = Math.min(edits, before[column - 2]! + 1);
      next.push(edits);
    }
    // No later row can get below the least of the last two rows by more than a swap.
    if (Math.min(...next, ...before) > most) return most + 1;
    [before, last] = [last, next];
  }
  return last[to.length]!;
}
