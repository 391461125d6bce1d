/**
 * What is found out about the parts of a configuration by asking the servers that it names.
 *
 * @module
 */

/** What a finding means for pulls. */
export type Verdict =
  /** The part works. */
  | "good"
  /** Pulls may suffer, or will in some cases. */
  | "warning"
  /** Pulls suffer. */
  | "bad"
  /** It was not looked at, or not to the end. */
  | "untried";

/** What is found out about a part of a configuration. */
export interface Finding {
  /** The part, as a path in the configuration: `upstreams.main`. */
  readonly part: string;
  /** What it means. */
  readonly verdict: Verdict;
  /** What was seen: a sentence without its subject, which is the part. */
  readonly found: string;
  /** What to do: what to write where. Without it, nothing. */
  readonly advice?: string | undefined;
}

/** Makes a finding of what was found, and what to do about it. */
export type FindingMaker = (found: string, advice?: string) => Finding;

/** What makes the findings about one part, by verdict. */
export function createFindings(part: string): Readonly<Record<Verdict, FindingMaker>> {
  const of = (verdict: Verdict): FindingMaker => (found, advice) => ({
    part,
    verdict,
    found,
    ...(advice === undefined ? {} : { advice }),
  });
  return { good: of("good"), warning: of("warning"), bad: of("bad"), untried: of("untried") };
}
