/**
 * archeio, relaying: how it is started, and how clients come to it.
 *
 * @module
 */

import type { Entrance } from "../clients/client.ts";
import { type Program, startProgram } from "../faults/program.ts";
import type { Store } from "../store.ts";
import type { TokenRegistry } from "../token_registry.ts";
import { PATH, type RelayStage, USER } from "./stage.ts";

/** How archeio is to relay. */
export interface Relaying {
  /** The main upstream. */
  readonly registry: TokenRegistry;
  /** Whether everything is asked over TLS, by clients, too. */
  readonly tls?: boolean;
  /** Whether it has credentials. */
  readonly signedIn?: boolean;
  /** The mirror of all clients. */
  readonly mirror?: Store;
  /** Its keys; by default those of a relaying one. */
  readonly upstream?: string | undefined;
  /** More upstreams, a line for each. */
  readonly upstreams?: string;
  /** More of the configuration. */
  readonly more?: string;
}

/** archeio, serving, and the way in. */
export interface Relayed extends AsyncDisposable {
  readonly program: Program;
  readonly entrance: Entrance;
}

/** Starts archeio. */
export async function startRelaying(stage: RelayStage, relaying: Relaying): Promise<Relayed> {
  const { certificate } = stage;
  const { tls = false } = relaying;
  const program = await startProgram(await formatConfig(stage, relaying), {
    env: { SSL_CERT_FILE: certificate.certFile, DENO_TLS_CA_STORE: "system" },
  });
  const { port } = new URL(program.url);
  const entrance: Entrance = tls
    ? { location: "", host: `localhost:${port}`, tls: certificate }
    : { location: "", host: `127.0.0.1:${port}` };
  return { program, entrance, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

async function formatConfig(stage: RelayStage, relaying: Relaying): Promise<string> {
  const { certificate: { certFile, keyFile }, folder } = stage;
  const { registry, tls = false, signedIn = false, mirror, upstreams = "", more = "" } = relaying;
  const scheme = tls ? "https" : "http";
  const upstream = relaying.upstream ?? formatUpstream(registry, scheme);
  const listenTls = tls ? `, tls: { cert: "${certFile}", key: "${keyFile}" }` : "";
  const password = `${folder}/password`;
  await Deno.writeTextFile(password, `${USER.password}\n`);
  const credentials = signedIn
    ? `, credentials: { username: ${USER.username}, password_file: "${password}" }`
    : "";
  return `
listen: { host: 127.0.0.1, port: 0${listenTls} }
workers: 1
client_address: { header: null }
upstreams:
  main: { ${upstream}${credentials} }
${upstreams}
${signedIn ? `repositories: { app: { public: true } }` : ""}
${
    mirror === undefined ? "" : `mirrors: { near: { url: "${mirror[scheme]}" } }
rules: [{ clients: ["*"], mirrors: [near] }]`
  }
${more}
`;
}

/** The keys of a relaying upstream. */
export function formatUpstream(
  registry: TokenRegistry,
  scheme: "http" | "https",
  relayed = "pull: relay",
): string {
  const { port } = new URL(registry.tokens[scheme]);
  const hosts = registry.tokens[scheme] === registry[scheme] ? "" : `"localhost:${port}"`;
  return `endpoint: "${registry[scheme]}", path: ${PATH}, ${relayed}, token_hosts: [${hosts}]`;
}
