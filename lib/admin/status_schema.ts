/**
 * The schema of the state of the program, from which the JSON Schema in
 * `docs/status.schema.json` is made.
 *
 * @module
 */

import * as v from "valibot";
import { EVENT_KINDS } from "../observe/journal.ts";
import { OUTCOMES } from "../observe/located.ts";
import { RESULTS, UPSTREAM_REASONS } from "../observe/numbers.ts";
import { RELAY_RESULTS, TOKEN_RESULTS, UPSTREAM_CODES } from "../observe/relay_numbers.ts";
import { PROBLEM_KINDS, type Status } from "./status.ts";

const about = <const Schema extends v.GenericSchema>(description: string, schema: Schema) =>
  v.pipe(schema, v.description(description)) as unknown as Schema;
const or = <const Schema extends v.GenericSchema>(schema: Schema) => v.nullable(schema);

const text = v.string();
const time = v.pipe(text, v.isoTimestamp());
const count = v.pipe(v.number(), v.minValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const byName = <const Names extends readonly string[]>(names: Names) =>
  v.strictObject(
    Object.fromEntries(names.map((name) => [name, count])) as Record<Names[number], typeof count>,
  );

const Program = v.strictObject({
  version: text,
  deno: text,
  started: time,
  unready: about("Why it is not ready for requests; null when it is.", or(text)),
  isolates: count,
  cpu_cores: about("How many cores it uses now.", or(count)),
  resident_bytes: count,
});

const Problem = v.strictObject({
  severity: v.picklist(["critical", "warning"]),
  kind: v.picklist(PROBLEM_KINDS),
  subject: about("The name of a mirror or a cloud; null for the program.", or(text)),
  text,
  since: or(time),
});

const Traffic = v.strictObject({
  requests: about("All requests since the start.", count),
  requests_per_s: or(count),
  blobs: about("Blobs that clients were redirected for, since the start.", count),
  blobs_from_mirrors: count,
  blobs_from_upstreams: count,
  mean_blob_bytes: about("The mean size of the blobs that probes found.", or(count)),
  estimated_bytes_from_mirrors_per_day: about(
    "Redirects of the last day times the mean size.",
    or(count),
  ),
  estimated_bytes_from_upstreams_per_day: or(count),
  probes_in_flight: count,
  remembered: about(
    "Answers of mirrors that are remembered, of all isolates.",
    v.strictObject({ found: count, missing: count }),
  ),
});

const Check = v.strictObject({
  time,
  result: v.picklist(["good", "lost", "bad", "has_all", "unsent"]),
  status: about("The HTTP status code of the answer.", or(count)),
  reason: about("What was wrong.", or(text)),
  ms: about("How long the answer took, in milliseconds.", count),
});

const MirrorFill = v.strictObject({
  blobs: about("The planned blobs that it has.", count),
  missing: about("Those that it lacks; null if that could not be found out.", or(count)),
  missing_since: about("Since when it lacks any.", or(time)),
  copied: count,
  copied_bytes: count,
  failed: about("The blobs that could not be copied.", count),
});

const Fill = v.strictObject({
  began: time,
  ended: time,
  last_complete: about("When every mirror last had all.", or(time)),
  blobs: about("The blobs that mirrors should have.", count),
  bytes: count,
  read_bytes: about("The bytes that were read from upstreams.", count),
  unreadable: about("Places of upstreams that could not be read.", count),
});

const Mirror = v.strictObject({
  name: text,
  url: text,
  state: v.picklist(["up", "down"]),
  since: about("The last change of the state, or when the mirror was configured.", time),
  reason: about("Why it is down.", or(text)),
  last_check: or(Check),
  redirects: count,
  redirects_per_s: or(count),
  redirects_last_day: or(count),
  fallback_redirects: about("In place of a mirror that is down or failed a client.", count),
  probes: byName(RESULTS),
  found_share: about("The share of the blobs asked for that it had.", or(share)),
  not_found_in_a_row: count,
  fallback_limit: about("Redirects a second that it takes for others; null for any.", or(count)),
  fill: about("What the last fill found; null if it was not filled.", or(MirrorFill)),
});

const Location = v.strictObject({
  location: text,
  coordinates: about("Latitude and longitude, in degrees.", or(v.tuple([v.number(), v.number()]))),
  pulls: count,
  from_mirrors: count,
  from_upstreams: count,
  rule: about("The position of its rule in the configuration.", or(count)),
});

const Clients = v.strictObject({
  locations: about("The locations that clients came from, since the start.", v.array(Location)),
  nowhere: about("Pulls of clients in no known location.", count),
  others: about("Pulls of clients in locations that are not counted apart.", count),
  not_looked_up: about("Pulls whose answer did not depend on the location.", count),
});

const Rule = v.strictObject({
  rule: about("Its position in the configuration; null for clients without one.", or(count)),
  clients: v.array(text),
  mirrors: v.array(text),
  upstream: text,
  outcomes: about("Pulls by why a mirror or an upstream served.", byName(OUTCOMES)),
});

const Relayed = v.strictObject({
  what: about("All pulls, or lists of tags alone.", v.picklist(["pulls", "tags"])),
  results: byName(RELAY_RESULTS),
  answers: about("Answers by status; none for no answer.", byName(UPSTREAM_CODES)),
  requests_left: about("How many more requests it takes, if it says so.", or(count)),
});

const Relay = v.strictObject({
  memory_bytes: about("Manifests and tags that are remembered.", count),
  streams: about("Blobs that are being streamed.", count),
  streamed_bytes: count,
  tokens: about("Answers of token services.", byName(TOKEN_RESULTS)),
  mean_ms: or(count),
});

const Upstream = v.strictObject({
  name: text,
  url: text,
  redirects: byName(UPSTREAM_REASONS),
  relayed: about("What is fetched from it for clients; null if they are sent to it.", or(Relayed)),
  pulls_per_s: or(count),
  asked: about("HEAD requests to it about signatures, by result.", byName(RESULTS)),
  mean_ms: or(count),
});

const Repository = v.strictObject({
  name: text,
  pulls: about("Pulls since the start.", count),
  error: about("By how much pulls may be too high, or too low if they were sampled.", count),
});

const Data = v.strictObject({
  provider: text,
  source: text,
  date: or(v.pipe(text, v.isoDate())),
  age_days: or(v.number()),
  prefixes: count,
  locations: count,
});

const Event = v.strictObject({
  time,
  kind: v.picklist(EVENT_KINDS),
  subject: or(text),
  text,
  count,
});

const Backend = v.strictObject({
  host: text,
  port: or(count),
  by_clients: about("Whether clients go there; if not, only the server does.", v.boolean()),
  purposes: v.array(text),
});

const Span = v.strictObject({
  begins: time,
  step_s: count,
  series: about(
    "Rates a second of each step; cpu in cores, memory in bytes.",
    v.record(text, v.array(or(count))),
  ),
});

/**
 * The schema.
 *
 * @ignore Its type is valibot's, which `deno doc` takes for a private one.
 */
export const StatusSchema: v.GenericSchema<Status> = v.pipe(
  v.strictObject({
    time,
    program: Program,
    problems: about("What an operator should look at, the worst first.", v.array(Problem)),
    traffic: Traffic,
    mirrors: v.array(Mirror),
    clients: Clients,
    rules: v.array(Rule),
    fill: about("What the last fill of the mirrors found; null if unknown.", or(Fill)),
    upstreams: v.array(Upstream),
    relay: about("Relaying, from all upstreams together.", or(Relay)),
    repositories: v.array(Repository),
    data: v.array(Data),
    events: about("The last events, the last first.", v.array(Event)),
    backends: about("The hosts that a client may be sent to.", v.array(Backend)),
    configuration: about("The configuration in effect, without secrets.", v.unknown()),
    history: v.exactOptional(v.strictObject({ hour: Span, day: Span })),
  }),
  v.title("The state of archeio"),
  v.description("What the admin listener says at /status. Times are in ISO 8601, in UTC."),
);
