/**
 * Who may ask the admin listener.
 *
 * A page in a browser can send requests to any address that the browser reaches, and read the
 * answers when a name of its own resolves to that address (DNS rebinding). So what operators see
 * is given only to requests whose `Host` is an IP address, `localhost` or a configured name.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http/status";
import { tryAddress } from "../net/address.ts";

/** What access depends on. */
export interface AccessOptions {
  /** The token that requests must present, or `undefined` when none is needed. */
  readonly token: () => string | undefined;
  /** The names that are answered, beside IP addresses and `localhost`. */
  readonly hosts: readonly string[];
}

/** Why a request is refused. */
export interface AccessRefusal {
  /** The HTTP status code. */
  readonly status: number;
  /** A sentence for people. */
  readonly text: string;
  /** More headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

// What orchestrators ask, by any name and without a token.
const OPEN = ["/healthz", "/readyz"];
const ANY_HOST = [...OPEN, "/metrics"];

const UNAUTHORIZED: AccessRefusal = {
  status: STATUS_CODE.Unauthorized,
  text:
    "present the token of admin.token_file: as a bearer token, or as a password with any name\n",
  // A browser asks for a name and a password.
  headers: { "www-authenticate": 'Basic realm="archeio", charset="UTF-8", Bearer realm="archeio"' },
};
const MISDIRECTED: AccessRefusal = {
  status: STATUS_CODE.MisdirectedRequest,
  text: "this name is not answered: ask by an IP address or localhost, or add it to admin.hosts\n",
};

/** Why a request is refused, or `undefined` when it is not. */
export function tryRefuse(
  { url, headers }: Pick<Request, "url" | "headers">,
  path: string,
  { token, hosts }: AccessOptions,
): AccessRefusal | undefined {
  if (!ANY_HOST.includes(path) && !isAnswered(readHost(url, headers), hosts)) return MISDIRECTED;
  const expected = token();
  if (expected === undefined || OPEN.includes(path)) return undefined;
  const presented = tryToken(headers.get("authorization"));
  return presented !== undefined && isSame(presented, expected) ? undefined : UNAUTHORIZED;
}

// HTTP/2 has no Host header; its authority is in the URL.
function readHost(url: string, headers: Headers): string {
  return headers.get("host") ?? /^[^/]*\/\/([^/?]*)/.exec(url)?.[1] ?? "";
}

function isAnswered(host: string, hosts: readonly string[]): boolean {
  const [, bracketed, name] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host) ?? [];
  if (bracketed !== undefined) return tryAddress(bracketed) !== undefined;
  if (name === undefined) return false;
  const lower = name.toLowerCase();
  return lower === "localhost" || tryAddress(name) !== undefined ||
    hosts.some((host) => host.toLowerCase() === lower);
}

/** The token of an `Authorization` header: of RFC 6750, or the password of RFC 7617. */
function tryToken(authorization: string | null): string | undefined {
  const [, scheme, value] = /^(Bearer|Basic) +(\S+)$/i.exec(authorization ?? "") ?? [];
  if (value === undefined) return undefined;
  if (scheme!.toLowerCase() === "bearer") return value;
  try {
    const pair = new TextDecoder().decode(
      Uint8Array.from(atob(value), (character) => character.charCodeAt(0)),
    );
    return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : undefined;
  } catch {
    return undefined;
  }
}

/** Compares texts in a time that does not depend on where they differ. */
function isSame(presented: string, expected: string): boolean {
  const encoder = new TextEncoder();
  const [one, other] = [encoder.encode(presented), encoder.encode(expected)];
  let difference = one.length ^ other.length;
  for (const [at, byte] of one.entries()) difference |= byte ^ other[at % other.length]!;
  return difference === 0;
}
