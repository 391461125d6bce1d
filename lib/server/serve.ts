/**
 * The server: isolates on one port, until a signal comes. The main isolate serves like the
 * others, and also handles signals, checks mirrors, and answers operators.
 *
 * @module
 */

import { createAdminHandler } from "../admin/admin.ts";
import { createStatus } from "../admin/create_status.ts";
import type { Config } from "../config/config.ts";
import { createWithin } from "../mirrors/time.ts";
import { claimPort, isShared, listening } from "./claim.ts";
import { isOneOf } from "../fill/repositories.ts";
import { readFillState } from "./fill_state.ts";
import type { Listener } from "./listener.ts";
import { openProgram, type Program, type ProgramOptions } from "./program.ts";
import { onSignals } from "./signals.ts";

// The program ends within 5 s, whatever clients, operators and readers of logs do. Requests
// that wait for another server are redirected to the upstream at 3 s; open connections are
// closed at 3.8 s; then the last pulls and answers have half a second, and after them the last
// lines of the event log another half second.
const GIVE_UP_MS = 3000;
const CUT_MS = 3800;
const LAST_ANSWER_MS = 400;

/** The state of a server. */
interface State {
  /** Why it is not ready for requests, or `undefined` when it is. */
  unready: string | undefined;
}

/**
 * Listens, and serves until SIGINT or SIGTERM. Then it drains: answers with
 * `Connection: close` until requests cease, stops accepting, and finishes what is in flight,
 * up to a time limit. At SIGHUP it reads the configuration and the certificate again.
 *
 * Resolves once every request is answered, or 3.8 s after the signal; exiting then drops what
 * is left.
 *
 * @throws {ListenError} when it cannot listen
 */
export async function serve(config: Config, options: ProgramOptions): Promise<void> {
  const state: State = { unready: "starting" };
  const program = openProgram(config, options);
  const stopped = Promise.withResolvers<void>();
  const forget = onSignals({
    onReload: program.changes.reload,
    onStop(signal) {
      state.unready = "stopping";
      program.log.onStopping(signal);
      stopped.resolve();
    },
  });
  let admin: Listener | undefined;
  try {
    const { isolates } = program.owner.current();
    await listening("listen", () => claimPort(config.listen, isShared(isolates, options.tls)));
    const address = await program.start();
    admin = await listening("admin", () => openAdmin(config, program, options, state));
    if (state.unready === "starting") {
      state.unready = undefined;
      program.log.onListening(address, { admin: admin?.address, isolates });
      await stopped.promise;
    }
    await drain(program, options);
  } finally {
    await end(program, admin, options);
    // Last, because without the handlers another signal would kill the process at once.
    forget();
  }
}

function openAdmin(
  { admin }: Config,
  program: Program,
  options: ProgramOptions,
  state: State,
): Listener | undefined {
  if (admin === undefined) return undefined;
  const { standing, records, owner } = program;
  const { later, listen, timeOfDay, adminToken = () => undefined } = options;
  const unready = () => state.unready;
  const redirector = () => program.main.redirector()!;
  const handler = createAdminHandler({
    unready,
    standing,
    status: createStatus({
      unready,
      standing,
      kept: records,
      config: () => owner.current().config,
      routing: () => redirector().routing(),
      timeOfDay,
    }),
    redirector,
    access: { token: adminToken, hosts: admin.hosts ?? [] },
    misses: () => missesOf(program),
    fillState: () => readFillState(owner.current().config),
  });
  return listen(handler, { ...admin, later, onError: program.log.onFailed });
}

/** What mirrors lacked, of the repositories that they are filled with. */
function missesOf({ main, misses, owner }: Program) {
  main.redirector()!.flushMisses();
  const { repositories = [] } = owner.current().config.fill ?? {};
  return misses.list().filter(({ name }) => isOneOf(repositories, name));
}

/** Drains all isolates, up to a time limit. */
async function drain(program: Program, { later }: ProgramOptions) {
  const { main, others, checks, changes, leaving } = program;
  leaving.stop();
  checks.stop();
  changes.stop();
  const order = { kind: "stop", giveUpMs: GIVE_UP_MS } as const;
  const drained = Promise.all([main.take(order), others.stop(GIVE_UP_MS)]);
  await createWithin(later)(CUT_MS, drained);
}

/** Stops the admin listener. An operator's client that hangs must not delay the exit. */
async function end(
  { checks, changes, leaving, pulls, records }: Program,
  admin: Listener | undefined,
  { later }: ProgramOptions,
): Promise<void> {
  leaving.stop();
  checks.stop();
  changes.stop();
  records.stop();
  admin?.stopAtOnce();
  const answered = admin === undefined
    ? undefined
    : createWithin(later)(LAST_ANSWER_MS, admin.finished);
  await Promise.all([answered, pulls.drained()]);
}
