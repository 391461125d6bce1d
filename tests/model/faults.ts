/**
 * The faults that `deno task mutations` puts back into a copy of the code: each was seen in a
 * version of this program, and what it did to clients stands in its name.
 *
 * @module
 */

/** A fault, in one or several places. */
export interface Fault {
  /** The number of its kind, and a letter where a kind has several. */
  readonly number: string;
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The tests that find it where the model does not. */
  readonly tests: readonly string[];
  /** Whether the model plays that part of the code at all. */
  readonly unplayed?: true;
}

/** Another text in one place of a file. */
export interface Edit {
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

function edit(file: string, text: string, instead: string): Edit {
  return { file: `lib/${file}`, text, instead };
}

/** The faults. */
export const FAULTS: readonly Fault[] = [
  {
    number: "1",
    name: "a mirror that answers 301, 307, 400, 401, 402, 405, 409 or 451 counts as good",
    edits: [
      edit(
        "mirrors/answer.ts",
        `return isGone(status) ? "missing" : "failed";`,
        `return isGone(status) ? "missing" : status < 500 ? "found" : "failed";`,
      ),
    ],
    tests: ["tests/mirrors/answer_test.ts"],
  },
  {
    number: "2a",
    name: "checks ask for the blob of no bytes only",
    edits: [
      edit("mirrors/check.ts", "const key = samples.next();", "const key = undefined;"),
    ],
    tests: ["tests/mirrors/check_test.ts"],
  },
  {
    number: "2b",
    name: "a mirror that comes back, or has lost two blobs, is trusted with the others",
    edits: [
      edit(
        "mirrors/watch.ts",
        "const found = await checker.verify(mirror, samples.list(), checkTimeoutMs(health));",
        "const found = { works: true, lost: [] };\n    lost = [];",
      ),
      edit(
        "mirrors/known.ts",
        "foundAt >= board.recheckFromS(mirror) * 1000",
        "true",
      ),
    ],
    tests: ["tests/mirrors/watch_test.ts"],
  },
  {
    number: "3",
    name: "three failed probes in a row take a mirror down",
    edits: [
      edit(
        "mirrors/probes.ts",
        `if (verdict === "failed" || verdict === "slow_down") log.onSuspect(mirror);`,
        `if (verdict === "failed" || verdict === "slow_down") {
      log.onSuspect(mirror);
      board.failed(mirror.number, { downAfter: 3, upAfter: 2 });
    }`,
      ),
    ],
    tests: ["tests/mirrors/probes_test.ts"],
  },
  {
    number: "4a",
    name: "HEAD 200 with no bytes, or of an archived object, is found",
    edits: [
      edit(
        "mirrors/answer.ts",
        "return !archived && (length !== 0 || isEmptyDigest(digest));",
        "return true;",
      ),
    ],
    tests: ["tests/mirrors/answer_test.ts"],
  },
  {
    number: "4b",
    name: "a mirror that says 200 to whatever is asked is believed",
    edits: [
      edit(
        "mirrors/watch.ts",
        "withUnknown: doubtful || count++ % UNKNOWN_EVERY === 0,",
        "withUnknown: false,",
      ),
      edit(
        "mirrors/check.ts",
        `if (head.kind === "answered" && judgeProbe(head, digest) !== "found") {`,
        "if (true) {",
      ),
    ],
    tests: ["tests/mirrors/watch_test.ts"],
  },
  {
    number: "4c",
    name: "what was found is never asked for again",
    edits: [
      edit("mirrors/known.ts", "foundAt > now() - remembering().recheckMs", "true"),
    ],
    tests: ["tests/mirrors/known_test.ts"],
  },
  {
    number: "5a",
    name: "one server that hangs takes all places in flight",
    edits: [
      edit(
        "mirrors/gate.ts",
        "if (own >= maxInFlight - total) return undefined;",
        "if (total >= maxInFlight) return undefined;",
      ),
    ],
    tests: ["tests/mirrors/gate_test.ts"],
  },
  {
    number: "5b",
    name: "an upstream that fails is asked on and on",
    edits: [
      edit(
        "mirrors/upstream_check.ts",
        "isOpen: (upstream: number) => now() < (until[upstream] ?? 0)",
        "isOpen: (_: number) => false",
      ),
    ],
    tests: ["tests/mirrors/upstream_check_test.ts"],
  },
  {
    number: "6a",
    name: "a mirror is waited for though a later one is known to have the blob",
    edits: [
      edit(
        "mirrors/find_blob.ts",
        "if (!isFound(held)) continue;",
        "if (unknown >= 0) break;\n      if (!isFound(held)) continue;",
      ),
      edit(
        "mirrors/find_blob.ts",
        "if (known !== undefined) return",
        "if (known === mirror) return",
      ),
    ],
    tests: ["tests/mirrors/find_blob_test.ts"],
  },
  {
    number: "6b",
    name: "in a flood, a blob that the second mirror has is served by the upstream",
    edits: [
      edit(
        "mirrors/find_blob.ts",
        "if (!isFound(held)) continue;",
        "if (unknown >= 0) break;\n      if (!isFound(held)) continue;",
      ),
      edit(
        "mirrors/find_blob.ts",
        "if (known !== undefined) return",
        "if (known === mirror) return",
      ),
      edit(
        "mirrors/find_blob.ts",
        "turnedAway = true;",
        "return await endBusy(leftMs);",
      ),
    ],
    tests: ["tests/mirrors/find_blob_test.ts"],
  },
  {
    number: "7",
    name: "checks and data refreshes begin when all isolates are ready",
    edits: [
      edit(
        "server/program.ts",
        "check();\n      changes.start();",
        `const begin = () => {
        if (!others.states().every((state) => state === "serving")) return void later(100, begin);
        check();
        changes.start();
      };
      begin();`,
      ),
    ],
    tests: ["tests/server/serve_test.ts"],
  },
  {
    number: "8a",
    name: "each mirror of a search may take the whole time limit",
    edits: [
      edit(
        "mirrors/find_blob.ts",
        "const leftMs = deadline - now();",
        "const leftMs = options.timeoutMs();",
      ),
    ],
    tests: ["tests/mirrors/find_blob_test.ts"],
  },
  {
    number: "8b",
    name: "an end waits for whoever does not read the outputs",
    edits: [
      edit(
        "observe/line_sink.ts",
        "if (writing !== undefined) await within(LATE_MS, writing);",
        "await writing;",
      ),
    ],
    tests: ["tests/observe/line_sink_test.ts"],
    unplayed: true,
  },
  {
    number: "8c",
    name: "event lines that are given up are not counted",
    edits: [
      edit("cli/serve.ts", "void (events.lostEventLines += lines)", "void lines"),
    ],
    tests: ["tests/cli/serve_outputs_test.ts"],
    unplayed: true,
  },
  {
    number: "8d",
    name: "a bug in reading the configuration again is told as the operator's mistake",
    edits: [
      edit(
        "server/changes.ts",
        "return last = last.then(work).catch(log.onFailed);",
        "return last = last.then(work).catch((error) => log.onReloadRefused(String(error)));",
      ),
    ],
    tests: ["tests/server/changes_test.ts"],
    unplayed: true,
  },
  {
    number: "9a",
    name: "a refresh takes 0.0.0.0/0",
    edits: [
      edit("locations/published.ts", "if (prefix.length < shortest) {", "if (false) {"),
    ],
    tests: ["tests/locations/published_test.ts"],
  },
  {
    number: "9b",
    name: "a refresh takes whatever grew",
    edits: [
      edit("locations/update.ts", "if (grown !== undefined) {", "if (false) {"),
    ],
    tests: ["tests/locations/update_test.ts"],
  },
  {
    number: "9c",
    name: "one provider that fails keeps all others' data old",
    edits: [
      edit(
        "locations/update.ts",
        "const old = splitProviders(oldText);",
        `if (failures.length > 0) return { dataSet: oldText, changes: [], failures };
  const old = splitProviders(oldText);`,
      ),
    ],
    tests: ["tests/locations/update_data_set_test.ts"],
  },
  {
    number: "9d",
    name: "data that could not be fetched is fetched after a whole period",
    edits: [
      edit(
        "locations/refresher.ts",
        "retryMs = failures === 0",
        "retryMs = failures >= 0",
      ),
    ],
    tests: ["tests/locations/refresher_test.ts"],
  },
  {
    number: "9e",
    name: "data is first fetched after a whole period",
    edits: [
      edit(
        "locations/refresher.ts",
        "? now() + Math.min(FIRST_MS, periodMs) * random()",
        "? now() + periodMs",
      ),
    ],
    tests: ["tests/locations/refresher_test.ts"],
  },
  {
    number: "10a",
    name: "a mirror that dies under load is noticed by the next check only",
    edits: [
      edit(
        "mirrors/checks.ts",
        "suspect: (mirror) => watched.get(mirror)?.sleeper.wake(),",
        "suspect: () => {},",
      ),
    ],
    tests: ["tests/mirrors/checks_test.ts"],
  },
  {
    number: "10b",
    name: "a client that tries again is sent to where it failed",
    edits: [
      edit(
        "redirect/handler.ts",
        "const good = isRepeated(client, mirror, asked) ? doubts.look(mirror, asked) : true;",
        "const good: boolean | Promise<boolean> = true;",
      ),
    ],
    tests: ["tests/redirect/handler_repeats_test.ts"],
  },
  {
    number: "11a",
    name: "a manifest that does not match its digest is served",
    edits: [
      edit(
        "redirect/relay/read_manifest.ts",
        "if (wanted !== undefined && own !== wanted) {",
        "if (false) {",
      ),
      edit(
        "redirect/relay/read_manifest.ts",
        "const manifest = { digest: own,",
        "const manifest = { digest: wanted ?? own,",
      ),
    ],
    tests: ["tests/redirect/relay/relay_manifests_test.ts"],
  },
  {
    number: "11b",
    name: "a manifest is fetched by each request, whoever has fetched it",
    edits: [
      edit("redirect/relay/manifest_fetches.ts", "memory().addManifest(key, manifest);", ""),
    ],
    tests: ["tests/redirect/relay/relay_manifests_test.ts"],
  },
  {
    number: "11c",
    name: "a manifest is fetched by each of those who wait for it",
    edits: [
      edit(
        "redirect/relay/manifest_fetches.ts",
        "flights.join(keyOf(source, asked), whenLeft(), (signal) =>",
        "flights.join(`${Math.random()}`, whenLeft(), (signal) =>",
      ),
    ],
    tests: ["tests/redirect/relay/relay_manifests_test.ts"],
  },
  {
    number: "12a",
    name: "what a tag stands for is asked for once and for all",
    edits: [
      edit(
        "redirect/relay/manifests.ts",
        "const isFresh = now() < tagged.seenMs + bounds().tagTtlMs;",
        "const isFresh = true;",
      ),
    ],
    tests: ["tests/redirect/relay/relay_manifests_test.ts"],
  },
  {
    number: "12b",
    name: "an old tag is served for as long as the upstream fails",
    edits: [
      edit(
        "redirect/relay/manifests.ts",
        "return now() <= seenMs + bounds().staleMs;",
        "return seenMs > 0;",
      ),
    ],
    tests: ["tests/redirect/relay/relay_manifests_test.ts"],
  },
  {
    number: "12c",
    name: "what was pulled a minute ago is not served while the upstream fails",
    edits: [
      edit(
        "redirect/relay/manifests.ts",
        `if (outcome.kind !== "failed" && outcome.kind !== "slow_down") return outcome;`,
        "return outcome;",
      ),
    ],
    tests: ["tests/redirect/relay/relay_manifests_test.ts"],
  },
  {
    number: "13a",
    name: "what a token service that fails is asked about is not known",
    edits: [
      edit(
        "registry/authority.ts",
        `case "failed":
      return failed("token", answer.reason);`,
        `case "failed":
      return { kind: "refused", by: "registry" };`,
      ),
    ],
    tests: ["tests/registry/registry_test.ts"],
  },
  {
    number: "13b",
    name: "a token is asked for wherever a challenge says",
    edits: [edit("registry/server.ts", "if (!isHost) {", "if (false) {")],
    tests: ["tests/registry/server_test.ts"],
  },
  {
    number: "13c",
    name: "each of several requests fetches a token",
    edits: [
      edit(
        "registry/tokens.ts",
        "const sent = inFlight.get(id) ?? send(id, key);",
        "const sent = send(id, key);",
      ),
    ],
    tests: ["tests/registry/registry_test.ts"],
  },
  {
    number: "13d",
    name: "clients are sent to private addresses for blobs",
    edits: [
      edit(
        "registry/server.ts",
        "if (isInner(url) && !isNamed && !isInner(base)) {",
        "if (false) {",
      ),
    ],
    tests: ["tests/registry/server_test.ts"],
  },
  {
    number: "13e",
    name: "an upstream that says 429 is asked on and on",
    edits: [
      edit("redirect/relay/pauses.ts", `if (answer.kind === "slow_down") {`, "if (false) {"),
    ],
    tests: ["tests/redirect/relay/relay_manifests_test.ts"],
  },
];
