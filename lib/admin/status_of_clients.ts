/**
 * Where clients are, and what became of their pulls.
 *
 * @module
 */

import { tryCoordinates } from "../locations/coordinates.ts";
import {
  addOutcomes,
  countMirrored,
  countUpstream,
  type LocatedTotals,
  type Outcomes,
} from "../observe/located.ts";
import type { Routing } from "../redirect/create_routing.ts";
import type { Rule } from "../routing/policy.ts";
import type { ClientsStatus, LocationStatus, RuleStatus } from "./status.ts";

/** What the state of clients is made from. */
export interface ClientsOptions {
  /** What became of pulls, by location. */
  readonly located: LocatedTotals;
  /** The locations that are counted, those of an earlier data set too. */
  readonly locations: readonly string[];
  /** What decisions are made from. */
  readonly routing: Routing;
}

interface Row {
  readonly location: string;
  readonly outcomes: Outcomes;
  readonly rule: Rule;
}

/** The state of clients, and of the rules that serve them. */
export function statusOfClients(
  options: ClientsOptions,
): { readonly clients: ClientsStatus; readonly rules: readonly RuleStatus[] } {
  const { located, locations, routing: { locator, policy } } = options;
  const ruleOf = (location: string) => policy.ruleFor(locator.locations.indexOf(location));
  const rows = locations.flatMap((location): Row[] => {
    const outcomes = located.of(location);
    return outcomes === undefined ? [] : [{ location, outcomes, rule: ruleOf(location) }];
  });
  const { nowhere, others, unasked } = located;
  return {
    clients: {
      locations: rows.map(toLocation).toSorted((one, other) => other.pulls - one.pulls),
      nowhere: countPulls(nowhere),
      others: countPulls(others),
      not_looked_up: countPulls(unasked),
    },
    rules: listRules(options, [
      ...rows,
      ...[nowhere, others, unasked].flatMap((outcomes) =>
        outcomes === undefined ? [] : [{ outcomes, rule: policy.unlocated }]
      ),
    ]),
  };
}

function toLocation({ location, outcomes, rule: { number } }: Row): LocationStatus {
  return {
    location,
    coordinates: tryCoordinates(location) ?? null,
    pulls: countPulls(outcomes),
    from_mirrors: countMirrored(outcomes),
    from_upstreams: countUpstream(outcomes),
    rule: number === 0 ? null : number,
  };
}

function countPulls(outcomes: Outcomes | undefined): number {
  return outcomes === undefined ? 0 : countMirrored(outcomes) + countUpstream(outcomes);
}

function listRules(
  { routing: { policy } }: ClientsOptions,
  rows: readonly Pick<Row, "outcomes" | "rule">[],
): RuleStatus[] {
  const none = rows.find(({ rule }) => rule.number === 0)?.rule;
  const rules = none === undefined ? policy.rules : [...policy.rules, none];
  return rules.map((rule) => ({
    rule: rule.number === 0 ? null : rule.number,
    clients: rule.clients,
    mirrors: rule.mirrors.map(({ name }) => name),
    upstream: rule.upstream.name,
    outcomes: addOutcomes(
      rows.filter(({ rule: { number } }) => number === rule.number).map(({ outcomes }) => outcomes),
    ),
  }));
}
