/**
 * Plays the README's commands for a registry that wants a token, in a network of its own, where
 * ghcr.io is a registry on this machine. Its argument is an empty folder.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createCertificateFiles } from "../certificate_files.ts";
import { writeSettings } from "../clients/settings.ts";
import { createLayout } from "../layout.ts";
import { ARCHEIO } from "../programs.ts";
import { run } from "../run.ts";
import { startTokenRegistry } from "../token_registry.ts";

const HOST = "ghcr.io";
const README = new URL("../../../README.md", import.meta.url);

/** The commands in the README's section about such registries. */
async function readCommands(): Promise<string> {
  const readme = await Deno.readTextFile(README);
  const [section] = /^### In front of a registry that wants a token\n[^]*?^## /m.exec(readme)!;
  return /^```sh\n([^]*?)^```$/m.exec(section)![1]!;
}

/** Makes a name lead to this machine. */
async function enterName(folder: string, host: string): Promise<void> {
  await run("ip", ["link", "set", "lo", "up"]);
  await Deno.writeTextFile(`${folder}/hosts`, `127.0.0.1 localhost\n127.0.0.1 ${host}\n`);
  await run("mount", ["--bind", `${folder}/hosts`, "/etc/hosts"]);
}

/** Hands connections at the port of HTTPS on to another one. */
function forward(port: number): Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 443 });
  const pass = async (connection: Deno.Conn) => {
    const other = await Deno.connect({ hostname: "127.0.0.1", port });
    await Promise.allSettled([
      connection.readable.pipeTo(other.writable),
      other.readable.pipeTo(connection.writable),
    ]);
  };
  void (async () => {
    for await (const connection of listener) void pass(connection);
  })();
  return listener;
}

/** Pushes an image for two platforms, and gives the digest of its index. */
async function pushImage(folder: string, destination: string): Promise<string> {
  const layout = await createLayout(folder);
  const layer = await layout.addLayer("file", 100_000);
  const index = await layout.addIndex([
    await layout.addImage("linux/amd64", [layer]),
    await layout.addImage("linux/arm64", [layer]),
  ]);
  await layout.push(index, destination);
  return index.digest;
}

/** Types commands into a shell, in an empty folder, with `archeio` in the path. */
async function type(commands: string, folder: string, env: Record<string, string>) {
  await Deno.mkdir(`${folder}/bin`);
  await Deno.symlink(ARCHEIO, `${folder}/bin/archeio`);
  await Deno.mkdir(`${folder}/empty`);
  const script = `trap 'kill $!' EXIT\n${commands}`;
  return await run("sh", ["-eu", "-c", script], {
    cwd: `${folder}/empty`,
    env: { ...env, PATH: `${folder}/bin:${Deno.env.get("PATH")}` },
  });
}

async function playStart(folder: string): Promise<void> {
  await enterName(folder, HOST);
  const certificate = await createCertificateFiles(folder, [HOST]);
  await using registry = await startTokenRegistry({
    folder: `${folder}/registry`,
    certificate,
    manner: "ghcr",
    users: {},
    isPublic: (repository) => repository.startsWith("acme/"),
  });
  using _front = forward(Number(new URL(registry.https).port));
  const digest = await pushImage(`${folder}/layout`, `${registry.origin}/acme/app:v1`);
  const settings = await writeSettings(`${folder}/settings`);
  const commands = await readCommands();
  const printed = await type(commands, folder, {
    ...settings,
    SSL_CERT_FILE: certificate.certFile,
    DENO_TLS_CA_STORE: "system",
  });
  assertStringIncludes(printed, "gives archeio a token for app");
  const format = ["image", "inspect", "--format", "{{.Digest}}", "localhost:8080/app:v1"];
  assertEquals((await run("podman", format, { env: settings })).trim(), digest);
}

await playStart(Deno.args[0]!);
// Connections of clients that have ended are of no more use.
Deno.exit();
