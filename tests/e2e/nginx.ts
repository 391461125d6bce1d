/**
 * nginx, twice: as a mirror that serves files, and as the load balancer before archeio.
 *
 * @module
 */

import type { CertificateFiles } from "./certificate_files.ts";
import { type Daemon, isListening, startDaemon } from "./daemon.ts";
import { startOnFreePorts } from "./free_ports.ts";
import type { LogEntry, Store } from "./store.ts";

/** Starts nginx with servers that listen on these ports. */
async function startNginx(
  folder: string,
  ports: readonly number[],
  servers: string,
): Promise<Daemon> {
  await Deno.mkdir(folder, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) =>
    `${kind}_temp_path ${folder}/${kind};`
  );
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    `user root;
worker_processes 1;
pid ${folder}/nginx.pid;
events {}
http {
  ${temporary.join(" ")}
  access_log off;
  ${servers}
}
`,
  );
  const isReady = async () => (await Promise.all(ports.map(isListening))).every(Boolean);
  const args = ["-p", folder, "-c", `${folder}/nginx.conf`, "-e", "stderr", "-g", "daemon off;"];
  return await startDaemon("nginx", args, { isReady });
}

/** Starts a mirror with these blobs, at `/far/<digest>`. What is not there is a 404. */
export async function startFileStore(
  folder: string,
  blobs: ReadonlyMap<string, Uint8Array>,
  certificate: CertificateFiles,
): Promise<Store> {
  await Deno.mkdir(`${folder}/files/far`, { recursive: true });
  for (const [digest, blob] of blobs) await Deno.writeFile(`${folder}/files/far/${digest}`, blob);
  const { http, https, ...store } = await startFolderStore(folder, `${folder}/files`, certificate);
  return { http: `${http}/far`, https: `${https}/far`, ...store };
}

/** Starts a server of the files in a folder. */
export async function startFolderStore(
  folder: string,
  root: string,
  { certFile, keyFile }: CertificateFiles,
): Promise<Store> {
  const access = `${folder}/access.log`;
  const { ports: [http, https], nginx } = await startOnFreePorts(2, async (ports) => ({
    ports,
    nginx: await startNginx(
      folder,
      ports,
      `log_format entry escape=json
    '{"method":"$request_method","path":"$uri","query":"$is_args$args",'
    '"agent":"$http_user_agent","range":"$http_range"}';
  server {
    listen 127.0.0.1:${ports[0]};
    listen 127.0.0.1:${ports[1]} ssl;
    ssl_certificate ${certFile};
    ssl_certificate_key ${keyFile};
    access_log ${access} entry;
    root ${root};
  }`,
    ),
  }));
  return {
    http: `http://127.0.0.1:${http}`,
    https: `https://127.0.0.1:${https}`,
    async log() {
      // One worker writes its lines in the order in which it is done with requests: when
      // this one is there, all before it are.
      const mark = `/mark-${crypto.randomUUID()}`;
      await (await fetch(`http://127.0.0.1:${http}${mark}`)).body?.cancel();
      for (;;) {
        // What follows the last end of a line is still being written.
        const lines = (await Deno.readTextFile(access)).split("\n").slice(0, -1);
        const entries: LogEntry[] = lines.map((line) => JSON.parse(line));
        if (!entries.some(({ path }) => path === mark)) continue;
        return entries.filter(({ path }) => !path.startsWith("/mark-"));
      }
    },
    [Symbol.asyncDispose]: () => nginx.stop(),
  };
}

/** A load balancer with a port for each client address. */
export interface LoadBalancer extends AsyncDisposable {
  /** `host:port` where every client counts as having this address. */
  readonly hostFor: (address: string) => string;
}

/**
 * Starts a load balancer that writes `X-Forwarded-For` as Google's do:
 * `<what the client sent>,<client>,<load balancer>`.
 */
export async function startLoadBalancer(
  folder: string,
  archeio: string,
  addresses: readonly string[],
): Promise<LoadBalancer> {
  const { ports, nginx } = await startOnFreePorts(addresses.length, async (ports) => {
    const servers = addresses.map((address, at) =>
      `server {
    listen 127.0.0.1:${ports[at]};
    location / {
      proxy_pass ${archeio};
      proxy_redirect off;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For "\${sent}${address},203.0.113.10";
    }
  }`
    );
    const sent = `map $http_x_forwarded_for $sent { "" ""; default "$http_x_forwarded_for,"; }`;
    return { ports, nginx: await startNginx(folder, ports, [sent, ...servers].join("\n  ")) };
  });
  return {
    hostFor: (address) => `127.0.0.1:${ports[addresses.indexOf(address)]}`,
    [Symbol.asyncDispose]: () => nginx.stop(),
  };
}
