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
import { run } from "../run.ts";
import { startTokenRegistry } from "../token_registry.ts";
import { enterNames, forward, typeCommands } from "./network.ts";

const HOST = "ghcr.io";
const README = new URL("../../../README.md", import.meta.url);

/** The commands in the README's section about such registries. */
async function readCommands(): Promise<string> {
  const readme = await Deno.readTextFile(README);
  const [section] = /^### In front of a registry that wants a token\n[^]*?^## /m.exec(readme)!;
  return /^```sh\n([^]*?)^```$/m.exec(section)![1]!;
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

async function playStart(folder: string): Promise<void> {
  await enterNames(folder, { [HOST]: "127.0.0.1" });
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
  const printed = await typeCommands(commands, {
    folder,
    env: { ...settings, SSL_CERT_FILE: certificate.certFile, DENO_TLS_CA_STORE: "system" },
  });
  assertStringIncludes(printed, "gives archeio a token for app");
  const format = ["image", "inspect", "--format", "{{.Digest}}", "localhost:8080/app:v1"];
  assertEquals((await run("podman", format, { env: settings })).trim(), digest);
}

await playStart(Deno.args[0]!);
// Connections of clients that have ended are of no more use.
Deno.exit();
