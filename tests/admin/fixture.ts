/**
 * A program with an admin listener, and whatever state a test gives it.
 *
 * @module
 */

import { createAdminHandler } from "../../lib/admin/admin.ts";
import { createStatus } from "../../lib/admin/create_status.ts";
import type { FillState } from "../../lib/fill/state.ts";
import type { CountedMiss } from "../../lib/observe/misses.ts";
import type { Status } from "../../lib/admin/status.ts";
import type { LastCheck } from "../../lib/mirrors/checks.ts";
import { createEvents } from "../../lib/observe/events.ts";
import { createHistory } from "../../lib/observe/history.ts";
import { createJournal } from "../../lib/observe/journal.ts";
import { createLocationNumbers } from "../../lib/observe/located.ts";
import { createMirrorStates } from "../../lib/observe/mirror_states.ts";
import { readCounters } from "../../lib/observe/readings.ts";
import { addRepositories, createRepositories } from "../../lib/observe/repositories.ts";
import { createStanding } from "../../lib/observe/standing.ts";
import { createSeenHosts } from "../../lib/redirect/seen_hosts.ts";
import {
  type ConfigFile,
  createMemory,
  createRequest,
  createSetup,
  createWorld,
  DATA_SET,
  SIGNED_CONFIG,
} from "../redirect/fixture.ts";
import type { Reply } from "../mirrors/fake_servers.ts";

/** What a program can be given. */
export interface ProgramOptions {
  /** Its configuration. */
  readonly config?: ConfigFile;
  /** What URLs are answered. */
  readonly answers?: Readonly<Record<string, Reply>>;
  /** The token that operators must present. */
  readonly token?: string;
  /** The names that are answered. */
  readonly hosts?: readonly string[];
}

/** Makes a program that is ready, until it has a reason not to be. */
export async function createProgram(options: ProgramOptions = {}) {
  const { config = SIGNED_CONFIG, answers = {}, token, hosts = [] } = options;
  const memory = createMemory();
  const world = await createWorld({ admin: {}, ...config }, answers, { memory });
  const reasons: string[] = [];
  const checks = new Map<number, LastCheck>();
  const events = createEvents();
  const setup = { ...createSetup(config), dataSet: DATA_SET };
  const { locations } = world.redirector.routing().locator;
  const numbers = createLocationNumbers()(locations);
  const standing = createStanding({
    numbers: [memory.numbers],
    located: [memory.located],
    setup: () => ({ ...setup, locations: numbers }),
    board: world.board,
    events,
    isolates: 1,
    lastCheck: (mirror) => checks.get(mirror),
    probesInFlight: world.inFlight,
    residentBytes: () => 123_456_789,
    cpuS: () => 1.5,
    versions: { version: "1", deno: "2" },
    startedS: 1,
  });
  const { now } = world.clock;
  const states = createMirrorStates(now);
  states.enter(setup.mirrors);
  const journal = createJournal(now);
  const history = createHistory();
  const repositories = createRepositories();
  const seenHosts = createSeenHosts();
  const status = createStatus({
    unready: () => reasons[0],
    standing,
    kept: {
      states,
      journal,
      history,
      seenHosts,
      rates: () => readCounters(standing()),
      repositories: () => addRepositories([repositories.read()]),
    },
    config: () => setup.config,
    routing: () => world.redirector.routing(),
    timeOfDay: now,
  });
  const misses: CountedMiss[] = [];
  const fillStates: FillState[] = [];
  const handler = createAdminHandler({
    unready: () => reasons[0],
    standing,
    status,
    redirector: () => world.redirector,
    misses: () => misses,
    fillState: () => Promise.resolve(fillStates[0]),
    access: { token: () => token, hosts },
  });

  async function ask(path: string, method = "GET", headers: Record<string, string> = {}) {
    const { request, info } = createRequest(path, {
      method,
      headers: { host: "localhost", ...headers },
    });
    const response = await handler(request, info);
    return { status: response.status, headers: response.headers, body: await response.text() };
  }

  return {
    handler,
    ask,
    tell: async (): Promise<Status> => JSON.parse((await ask("/status")).body),
    setup,
    standing,
    reasons,
    events,
    world,
    checks,
    states,
    journal,
    history,
    repositories,
    seenHosts,
    misses,
    fillStates,
  };
}
