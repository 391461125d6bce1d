/**
 * What was measured over time, a part of the state of the program.
 *
 * @module
 */

/** What was measured. */
export interface HistoryStatus {
  /** Within the last hour. */
  readonly hour: SpanStatus;
  /** Within the last day. */
  readonly day: SpanStatus;
}

/** What was measured within a span. */
export interface SpanStatus {
  /** When the first step begins. */
  readonly begins: string;
  /** The time of a step, in seconds. */
  readonly step_s: number;
  /**
   * The values of each step by the name of their series, `null` where nothing was measured:
   * rates a second; `cpu` in cores, `memory` in bytes.
   */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}
