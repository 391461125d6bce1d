/**
 * Types of the parts of the standard library in use, because the npm package has none. Once
 * `deno.json` maps the modules to JSR, which provides types, this file and its entry there
 * can go.
 */

declare module "@std/assert" {
  export class AssertionError extends Error {}
  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): void;
  export function assertMatch(actual: string, expected: RegExp, msg?: string): void;
  export function assertStringIncludes(actual: string, expected: string, msg?: string): void;
  export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void;
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    // deno-lint-ignore no-explicit-any -- a constructor may take anything
    ErrorClass: abstract new (...args: any[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): E;
  export function assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    // deno-lint-ignore no-explicit-any -- a constructor may take anything
    ErrorClass: abstract new (...args: any[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
}

declare module "@std/cli/parse-args" {
  export interface ParseOptions {
    string?: readonly string[];
    boolean?: readonly string[];
    unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  }
  export type Args = { _: (string | number)[] } & Record<string, unknown>;
  export function parseArgs(args: readonly string[], options?: ParseOptions): Args;
}

declare module "@std/http/status" {
  export const STATUS_CODE: {
    readonly OK: 200;
    readonly TemporaryRedirect: 307;
    readonly BadRequest: 400;
    readonly Unauthorized: 401;
    readonly NotFound: 404;
    readonly MethodNotAllowed: 405;
    readonly MisdirectedRequest: 421;
    readonly InternalServerError: 500;
    readonly ServiceUnavailable: 503;
  };
}

declare module "@std/semver" {
  export interface SemVer {
    major: number;
    minor: number;
    patch: number;
    prerelease?: (string | number)[];
    build?: string[];
  }
  export type Range = readonly object[][];
  export function tryParse(value: string): SemVer | undefined;
  export function tryParseRange(value: string): Range | undefined;
  export function satisfies(version: SemVer, range: Range): boolean;
  export function compare(a: SemVer, b: SemVer): -1 | 0 | 1;
}

declare module "@std/yaml" {
  export function parse(content: string): unknown;
  export interface StringifyOptions {
    skipInvalid?: boolean;
    lineWidth?: number;
    indent?: number;
    arrayIndent?: boolean;
    flowLevel?: number;
    compactMode?: boolean;
  }
  export function stringify(data: unknown, options?: StringifyOptions): string;
}
