/**
 * The schema of the keys about serving: sockets, isolates, the log, the client address,
 * pages.
 *
 * @module
 */

import * as v from "valibot";
import { LOG_LEVELS } from "./config.ts";
import {
  described,
  integer,
  mappingOr,
  oneOf,
  optional,
  strict,
  text,
  usual,
} from "./schema_parts.ts";
import { pageUrl } from "./schema_urls.ts";

const host = text("an IP address or a host name", /^[A-Za-z0-9.:_-]+$/);
const port = integer(0, 65535);
const bool = v.boolean("true or false");
const headerName = (allowed: string) => text(allowed, /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/);
const pemFile = text("the path of a PEM file", /^.+$/);

/**
 * The schemas of hosts and ports.
 *
 * @ignore Their type is valibot's, which `deno doc` takes for a private one.
 */
export const PLACES = {
  listen: {
    host: usual(
      "The IP address or host name to listen on; :: is every address of both families, and " +
        "IPv4 alone where the machine has no IPv6.",
      host,
      "::",
    ),
    port: usual("The port to listen on; 0 is any free one.", port, 8080),
  },
  admin: {
    host: usual("The IP address or host name to listen on for operators.", host, "127.0.0.1"),
    port: usual("The port to listen on for operators; 0 is any free one.", port, 9090),
  },
};

const Listen = strict({
  ...PLACES.listen,
  tls: optional(
    "The certificate for HTTPS. Without it, HTTP is served.",
    strict({
      cert: described(
        "The path of a PEM file with the certificate and its intermediate certificates.",
        pemFile,
      ),
      key: described("The path of a PEM file with the private key.", pemFile),
    }),
  ),
});

const HOST_NAME = "a host name, as a browser sends it";

const Admin = strict({
  ...PLACES.admin,
  token_file: optional(
    "The path of a file with a token. Requests must then present it, all but those for /healthz " +
      "and /readyz. Default: anyone can ask.",
    text("the path of a file", /^.+$/),
  ),
  hosts: optional(
    "Names by which browsers may ask, beside IP addresses and localhost. Default: none.",
    v.array(text(HOST_NAME, /^[A-Za-z0-9_.-]+$/), "a list of host names"),
  ),
});

const Log = strict({
  level: usual("The lowest level of the events that are logged.", oneOf(LOG_LEVELS), "info"),
  pulls: usual("Whether a line is written to standard output for each pull.", bool, false),
});

const PARAMETER =
  "a query parameter's name of A-Z, a-z, 0-9, ., _, ~ and -, at most 64 of them, that " +
  "means nothing to registries, or null for none";

const HEADER = "a header's name, or null to take the peer's address";

const ClientAddress = strict({
  header: usual(
    "The header in which the load balancer puts the client's address; null means the " +
      "connection's address.",
    v.nullable(headerName(HEADER)),
    "x-forwarded-for",
  ),
  from_end: usual(
    "Which entry of the header is the client's address, counted from the end; 1 is the last.",
    integer(1, 100),
    2,
  ),
});

const HOST_PATTERN = "a host name, such as objects.example, or *.objects.example for those below";

const Backends = mappingOr(
  bool,
  strict({
    also: usual(
      "Hosts that the servers of the configuration send clients on to.",
      v.array(
        text(HOST_PATTERN, /^(?:\*\.)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d{1,5})?$/),
        "a list of host names",
      ),
      [],
    ),
  }),
  "true, false, or a mapping with the key also",
);

const Trace = strict({
  request_id: usual(
    "Whether each request has an id, in the header X-Request-ID of its answer and in its pull " +
      "line: that of traceparent, of X-Cloud-Trace-Context, or a new one.",
    bool,
    false,
  ),
  session: usual(
    "Whether /v2/ challenges clients without a token, and /token gives them one, so that all " +
      "requests of a pull have one id. It is no login.",
    bool,
    false,
  ),
  redirect_parameter: usual(
    "The query parameter in which redirects to mirrors and upstreams have the id, such as rid; " +
      "null means none.",
    v.nullable(text(PARAMETER, /^(?!(?:n|last|ns|artifactType|digest)$)[A-Za-z0-9._~-]{1,64}$/)),
    null,
  ),
  client_asn_header: usual(
    "The header in which the load balancer puts the number of the client's network, for the pull " +
      "line; null means none.",
    v.nullable(headerName("a header's name, or null for none")),
    null,
  ),
});

const Pages = strict({
  info: optional("The URL that / redirects to. Without it, / is 404.", pageUrl),
  privacy: optional("The URL that /privacy redirects to. Without it, /privacy is 404.", pageUrl),
  backends: optional(
    "Whether /backends lists the hosts that a client may be sent to; also adds hosts to the " +
      "list. Without it, /backends is 404.",
    Backends,
  ),
});

const WORKERS = 'an integer from 1 to 256, or "auto"';

/**
 * The keys about serving.
 *
 * @ignore Their type is valibot's, which `deno doc` takes for a private one.
 */
export const SERVING = {
  listen: v.optional(described("Where to listen for clients.", Listen), {}),
  workers: usual(
    "How many isolates serve, each on up to one core; auto is as many as there are cores.",
    v.union([v.literal("auto"), integer(1, 256, WORKERS)], WORKERS),
    1,
  ),
  admin: optional(
    "Where to listen for operators: health, metrics, the page. Default: nowhere.",
    Admin,
  ),
  log: v.optional(described("What is logged.", Log), {}),
  client_address: v.optional(
    described("Where the client's address comes from.", ClientAddress),
    {},
  ),
  trace: v.optional(described("How a pull is followed through all logs.", Trace), {}),
  pages: v.optional(described("Where requests for pages redirect to.", Pages), {}),
};
