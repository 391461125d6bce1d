/**
 * The state of clients and of the rules that serve them, a part of the state of the program.
 *
 * @module
 */

import type { Outcomes } from "../observe/located.ts";

/** Where clients are: pulls since the start. */
export interface ClientsStatus {
  /** The locations that clients came from, the most pulls first. */
  readonly locations: readonly LocationStatus[];
  /** Pulls of clients in no known location. */
  readonly nowhere: number;
  /** Pulls of clients in locations that are not counted apart. */
  readonly others: number;
  /** Pulls whose answer did not depend on where the client is, which was then not looked up. */
  readonly not_looked_up: number;
}

/** A location. */
export interface LocationStatus {
  /** Its name: `aws/eu-west-3`. */
  readonly location: string;
  /** Its latitude and longitude in degrees, where the provider tells the place. */
  readonly coordinates: readonly [latitude: number, longitude: number] | null;
  /** Pulls from there. */
  readonly pulls: number;
  /** Of these, those that a mirror served. */
  readonly from_mirrors: number;
  /** Of these, those that an upstream served. */
  readonly from_upstreams: number;
  /** The position of its rule in the configuration, 1 for the first. */
  readonly rule: number | null;
}

/** What became of the pulls of a rule's clients, since the start. */
export interface RuleStatus {
  /** Its position in the configuration, 1 for the first; `null` for clients without a rule. */
  readonly rule: number | null;
  /** Its location patterns. */
  readonly clients: readonly string[];
  /** The names of its mirrors, in order. */
  readonly mirrors: readonly string[];
  /** The name of its upstream. */
  readonly upstream: string;
  /** Pulls by what became of them: why a mirror or an upstream served. */
  readonly outcomes: Outcomes;
}
