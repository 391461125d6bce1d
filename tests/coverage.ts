/**
 * Holds the coverage of `lib/` at 100 % of the lines, but for those named here.
 *
 * @module
 */

/** Files with lines that the tests do not reach, how many, and why. May only shrink. */
const EXCEPTIONS: Readonly<Record<string, { readonly lines: number; readonly reason: string }>> =
  {};

const { stdout, success } = await new Deno.Command(Deno.execPath(), {
  args: ["coverage", "--lcov", "--include=/lib/", "coverage"],
  stderr: "inherit",
}).output();
if (!success) Deno.exit(1);

let file = "";
let lines = 0;
const uncovered = new Map<string, number[]>();
for (const record of new TextDecoder().decode(stdout).split("\n")) {
  if (record.startsWith("SF:")) file = record.slice(record.lastIndexOf("/lib/") + 1);
  const [, line, hits] = /^DA:(\d+),(\d+)/.exec(record) ?? [];
  if (line === undefined) continue;
  lines++;
  if (hits === "0") uncovered.set(file, [...uncovered.get(file) ?? [], Number(line)]);
}

const wrong: string[] = [];
for (const [name, at] of uncovered) {
  if (at.length > (EXCEPTIONS[name]?.lines ?? 0)) wrong.push(`${name}: lines ${at.join(", ")}`);
}
for (const [name, { lines }] of Object.entries(EXCEPTIONS)) {
  const { length } = uncovered.get(name) ?? [];
  if (length < lines) wrong.push(`${name}: only ${length} of the ${lines} excepted lines are left`);
}
if (wrong.length > 0) {
  console.error(`The tests do not reach:\n${wrong.map((line) => `  ${line}\n`).join("")}`);
  Deno.exit(1);
}
console.log(`The tests reach all of the ${lines} lines of lib/.`);
