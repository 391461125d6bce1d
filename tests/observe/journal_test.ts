import { assertEquals } from "@std/assert";
import { createJournal, MAX_EVENTS } from "../../lib/observe/journal.ts";

function createStage() {
  const clock = { ms: 1000 };
  return { clock, journal: createJournal(() => clock.ms) };
}

Deno.test("a journal has the last hundred events, the last first", () => {
  const { clock, journal } = createStage();
  assertEquals(journal.list(), []);
  for (let at = 0; at < MAX_EVENTS + 5; at++) {
    clock.ms = at;
    journal.add({ kind: "mirror_down", subject: `m${at}`, text: "down" });
  }
  const events = journal.list();
  assertEquals(events.length, MAX_EVENTS);
  assertEquals([events[0]!.subject, events.at(-1)!.subject], ["m104", "m5"]);
  assertEquals(events[0], {
    atMs: 104,
    kind: "mirror_down",
    subject: "m104",
    text: "down",
    count: 1,
  });
});

Deno.test("an event that can come in thousands is one with a count, within ten minutes", () => {
  const { clock, journal } = createStage();
  for (let at = 0; at < 1000; at++) {
    clock.ms += 10;
    journal.add({ kind: "blobs_lost", subject: "near", text: `lost ${at}` });
    if (at === 0) journal.add({ kind: "mirror_up", subject: "near", text: "up" });
  }
  journal.add({ kind: "blobs_lost", subject: "far", text: "lost" });
  const tell = () => journal.list().map(({ subject, text, count }) => [subject, text, count]);
  assertEquals(tell(), [["far", "lost", 1], ["near", "lost 999", 1000], ["near", "up", 1]]);
  clock.ms += 600_000;
  journal.add({ kind: "blobs_lost", subject: "near", text: "again" });
  assertEquals(tell()[0], ["near", "again", 1]);
});

Deno.test("a text of another server is kept short", () => {
  const { journal } = createStage();
  journal.add({ kind: "error", subject: null, text: "x".repeat(10_000) });
  assertEquals(journal.list()[0]!.text.length, 501);
});
