import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { VARIABLES } from "../../lib/config/environment.ts";
import { runProgram } from "./program.ts";

Deno.test("--help tells of every command, and each command has a help of its own", async () => {
  const { status, out } = await runProgram(["--help"]);
  assertEquals(status, 0);
  for (const name of ["serve", "config", "explain", "lookup", "health", "ranges"]) {
    assertStringIncludes(out, `\n  ${name} `);
    for (const flag of ["--help", "-h"]) {
      const help = await runProgram([name, flag]);
      assertEquals(help.status, 0);
      assertStringIncludes(help.out, "Usage: archeio");
      assertStringIncludes(help.out, name);
    }
  }
  const { out: serve } = await runProgram(["serve", "--help"]);
  for (const name of VARIABLES) assertStringIncludes(serve, name);
  assertEquals(await runProgram(["-h"]), { status, out, err: "" });
  assertEquals(await runProgram(["help"]), { status, out, err: "" });
});

Deno.test("--version tells the program's version and its data's days, for each command, too", async () => {
  const { status, out } = await runProgram(["--version"]);
  assertEquals(status, 0);
  assertMatch(
    out,
    /^archeio \d+\.\d+\.\d+ \(data: aws \d{4}-\d\d-\d\d, gcp .*, azure .*; Deno .*\)\n$/,
  );
  assertEquals((await runProgram(["-V"])).out, out);
  assertEquals((await runProgram(["ranges", "--version"])).out, out);
  assertEquals((await runProgram(["ranges", "-V"])).out, out);
});

Deno.test("what is called wrongly ends with 2 and a sentence that names it", async () => {
  const wrong: { asked: string[]; expected: string }[] = [
    { asked: ["frobnicate"], expected: 'unknown command "frobnicate"' },
    { asked: ["--port", "80"], expected: 'unknown option "--port"' },
    { asked: ["serve", "now"], expected: 'unexpected argument "now"' },
    {
      asked: ["config", "--json"],
      expected: 'unknown option "--json": there are --config, --schema',
    },
    { asked: ["config", "--config"], expected: 'option "--config" must be given with a value' },
    { asked: ["config", "--config="], expected: 'option "--config" must be given with a value' },
    { asked: ["config", "x"], expected: 'unexpected argument "x"' },
    { asked: ["health", "localhost:8080"], expected: 'Cannot parse URL "localhost:8080"' },
    { asked: ["health", "http://[::1"], expected: 'Cannot parse URL "http://[::1"' },
    { asked: ["health", "http://a", "http://b"], expected: 'unexpected argument "http://b"' },
    { asked: ["explain", "1.2.3.4"], expected: "explain takes an ADDRESS and a PATH" },
    { asked: ["explain", "1.2.3.4", "/", "/"], expected: "not 3 arguments" },
    { asked: ["explain", "1.2.3.4", ""], expected: 'Cannot explain "": it is no path' },
    { asked: ["explain", "010.2.3.4", "/v2/"], expected: 'Cannot parse address "010.2.3.4"' },
    {
      asked: ["ranges", "upgrade"],
      expected: 'unknown subcommand "upgrade": there is only update',
    },
    { asked: ["ranges", "update", "x"], expected: 'unknown provider "x"' },
    { asked: ["ranges", "update", "--to", "x"], expected: 'unknown option "--to"' },
    { asked: ["lookup", "--from", "x"], expected: 'unknown option "--from"' },
  ];
  for (const { asked, expected } of wrong) {
    const { status, out, err } = await runProgram(asked);
    assertEquals({ status, out }, { status: 2, out: "" }, asked.join(" "));
    assertMatch(err, /^archeio: .*\n$/);
    assertStringIncludes(err, expected);
  }
});

Deno.test("what stands behind -- is no option", async () => {
  const { status, err } = await runProgram(["explain", "--", "--help", "/v2/"]);
  assertEquals(status, 2);
  assertStringIncludes(err, 'Cannot parse address "--help"');
});

Deno.test("a reader that has seen enough is no failure", async () => {
  const out = () => {
    throw new Deno.errors.BrokenPipe("Broken pipe");
  };
  assertEquals((await runProgram(["ranges"], { out })).status, 0);
});

Deno.test("what the operating system refuses is told in a sentence", async () => {
  const out = () => {
    throw Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  };
  const { status, err } = await runProgram(["ranges"], { out });
  assertEquals({ status, err }, {
    status: 1,
    err: "archeio: No space left on device (os error 28)\n",
  });
});

Deno.test("what nobody expected is not hidden", async () => {
  const out = () => {
    throw new RangeError("something else");
  };
  await assertRejects(() => runProgram(["ranges"], { out }), RangeError, "something else");
});
