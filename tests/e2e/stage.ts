/**
 * Everything that takes part, on loopback: registries, mirrors, archeio, a load balancer.
 *
 * @module
 */

import { type Archeio, startArcheio } from "./archeio.ts";
import { type BlobStore, startBlobStore } from "./blob_store.ts";
import { type CertificateFiles, createCertificateFiles } from "./certificate_files.ts";
import type { Entrance } from "./clients/client.ts";
import { type Contents, pushContents } from "./contents.ts";
import { createLayout } from "./layout.ts";
import { startFileStore, startLoadBalancer } from "./nginx.ts";
import { startRegistry } from "./registry.ts";
import type { Store } from "./store.ts";
import { createTempFolder } from "./temp_folder.ts";
import type { StoreName } from "./witness.ts";

/** A location of clients, and where the rules send them: in this order, then upstream. */
export interface Place extends Entrance {
  readonly mirrors: readonly ("near" | "far")[];
}

/** All that takes part. */
export interface Stage extends AsyncDisposable {
  readonly places: Readonly<Record<PlaceName, Place>>;
  readonly contents: Contents;
  readonly stores: Readonly<Record<StoreName, Store>> & { readonly near: BlobStore };
  /** A folder for whatever a client keeps. */
  readonly folder: string;
}

// What the load balancer says that its clients' addresses are.
const ADDRESSES = {
  aws: "35.180.1.1",
  awsIpv6: "2a05:d012::1",
  gcp: "35.220.26.1",
  unknown: "192.0.2.1",
};

/** The places that clients are in: those behind the load balancer, and one that is not. */
export type PlaceName = keyof typeof ADDRESSES | "office";

/** Starts everything. */
export async function setStage(): Promise<Stage> {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempFolder()).path;
  const certificate = await createCertificateFiles(folder);
  const upstream = started.use(await startRegistry(`${folder}/upstream`, certificate));
  const signatures = started.use(await startRegistry(`${folder}/signatures`, certificate));
  const contents = await pushContents(await createLayout(`${folder}/layout`), {
    upstream: `${upstream.origin}/project/images`,
    signatures: `${signatures.origin}/project/signatures`,
  });
  const near = started.use(startBlobStore(contents.near, certificate));
  const far = started.use(await startFileStore(`${folder}/far`, contents.far, certificate));
  const stores = { near, far, upstream, signatures };

  const archeio = started.use(await startArcheio(folder, formatConfig(stores, "http")));
  const office = started.use(await startWithTls(folder, stores, certificate));
  const balancer = started.use(
    await startLoadBalancer(`${folder}/balancer`, archeio.url, Object.values(ADDRESSES)),
  );
  const behindBalancer = (location: string, address: string, ...mirrors: ("near" | "far")[]) => ({
    location,
    host: balancer.hostFor(address),
    mirrors,
  });
  const running = started.move();
  return {
    places: {
      aws: behindBalancer("AWS, Paris", ADDRESSES.aws, "near", "far"),
      awsIpv6: behindBalancer("AWS, Paris, IPv6", ADDRESSES.awsIpv6, "near", "far"),
      gcp: behindBalancer("Google Cloud", ADDRESSES.gcp),
      unknown: behindBalancer("anywhere else", ADDRESSES.unknown, "far"),
      office: {
        location: "own prefix, TLS",
        host: new URL(office.url).host,
        tls: certificate,
        mirrors: ["near"],
      },
    },
    contents,
    stores,
    folder,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

type Stores = Readonly<Record<StoreName, Store>>;

/** The configuration, with what only the archeio over TLS has. */
function formatConfig(
  { near, far, upstream, signatures }: Stores,
  scheme: "http" | "https",
  own = { listen: "", clients: "", rule: "" },
): string {
  return `
listen: { host: 127.0.0.1, port: 0${own.listen} }
upstreams:
  main: { endpoint: "${upstream[scheme]}", path: project/images }
  signatures: { endpoint: "${signatures[scheme]}", path: project/signatures }
signature_upstream: signatures
mirrors: { near: { url: "${near[scheme]}" }, far: { url: "${far[scheme]}" } }
${own.clients}
rules:
  ${own.rule}
  - { clients: [ "gcp/*" ] }
  - { clients: [ aws/eu-west-3 ], mirrors: [ near, far ] }
  - { clients: [ "*" ], mirrors: [ far ] }
`;
}

// Nothing stands before this one, so the connection's address is the client's.
function startWithTls(folder: string, stores: Stores, tls: CertificateFiles): Promise<Archeio> {
  const config = formatConfig(stores, "https", {
    listen: `, tls: { cert: "${tls.certFile}", key: "${tls.keyFile}" }`,
    clients: `client_address: { header: null }
locations: { office/loopback: [ 127.0.0.0/8 ] }`,
    rule: "- { clients: [ office/loopback ], mirrors: [ near ] }",
  });
  // The stores have the same certificate, which no authority knows.
  return startArcheio(folder, config, {
    SSL_CERT_FILE: tls.certFile,
    DENO_TLS_CA_STORE: "system",
  });
}
