/**
 * A plugin of `deno lint` that keeps what is in `lib/` small enough to be read in one
 * sitting: a file has at most {@linkcode FILE_LINES} lines, a function body at most
 * {@linkcode BODY_LINES} of its own.
 *
 * Every line counts, blank lines and comments too. Of a body, the lines between its braces
 * count, but not those that belong as a whole to a function nested in it.
 *
 * @module
 */

/** The most lines of a file. */
export const FILE_LINES = 250;

/** The most lines of a function body. */
export const BODY_LINES = 40;

const LIB = decodeURIComponent(new URL("../../lib/", import.meta.url).pathname);

// Generated: data, not code.
const DATA = `${LIB}locations/embedded.ts`;

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/** Tells of a function body that is too long. */
function createBodyVisitor(context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  // The ranges of the functions in each of the functions that the walk is in.
  const nested: Deno.lint.Range[][] = [];

  function enter(node: FunctionNode): void {
    nested.at(-1)?.push(rangeOf(node));
    nested.push([]);
  }

  function leave(node: FunctionNode): void {
    const functions = nested.pop()!;
    if (node.body?.type !== "BlockStatement") return;
    const [start, end] = node.body.range;
    const lines = countOwnLines(context.sourceCode.text, [start + 1, end - 1], functions);
    if (lines <= BODY_LINES) return;
    context.report({
      node,
      message: `${nameOf(node)} has ${lines} lines of its own; ${BODY_LINES} are allowed`,
    });
  }

  return {
    FunctionDeclaration: enter,
    FunctionExpression: enter,
    ArrowFunctionExpression: enter,
    "FunctionDeclaration:exit": leave,
    "FunctionExpression:exit": leave,
    "ArrowFunctionExpression:exit": leave,
  };
}

// A method's name stands outside of its function.
function rangeOf(node: FunctionNode): Deno.lint.Range {
  const { parent } = node;
  const isMethod = parent.type === "MethodDefinition" ||
    parent.type === "Property" && (parent.method || parent.kind !== "init");
  return isMethod ? parent.range : node.range;
}

function nameOf(node: FunctionNode): string {
  if (node.type !== "ArrowFunctionExpression" && node.id) return node.id.name;
  const { parent } = node;
  const named = parent.type === "VariableDeclarator"
    ? parent.id
    : parent.type === "Property" || parent.type === "MethodDefinition"
    ? parent.key
    : undefined;
  return named?.type === "Identifier" ? named.name : "This function";
}

// Stands for what is nested; no source holds it.
const NESTED = "\0";

function countOwnLines(
  text: string,
  [start, end]: Deno.lint.Range,
  nested: readonly Deno.lint.Range[],
): number {
  let own = "";
  let at = start;
  for (const [from, to] of nested) {
    const lines = text.slice(from, to).split("\n").length;
    own += text.slice(at, from) + Array(lines).fill(NESTED).join("\n");
    at = to;
  }
  const lines = (own + text.slice(at, end)).split("\n");
  // What follows the opening brace, and what stands before the closing one.
  if (lines[0]!.trim() === "") lines.shift();
  if (lines.at(-1)?.trim() === "") lines.pop();
  return lines.filter((line) => !/^\s*\0[\s\0]*[,;]?\s*$/.test(line)).length;
}

const plugin: Deno.lint.Plugin = {
  name: "sizes",
  rules: {
    file: {
      create: (context) => ({
        Program(node) {
          if (!context.filename.startsWith(LIB) || context.filename === DATA) return;
          const lines = context.sourceCode.text.replace(/\n$/, "").split("\n").length;
          if (lines <= FILE_LINES) return;
          const message = `This file has ${lines} lines; ${FILE_LINES} are allowed`;
          context.report({ node, message });
        },
      }),
    },
    body: {
      create: (context) => context.filename.startsWith(LIB) ? createBodyVisitor(context) : {},
    },
  },
};

export default plugin;
