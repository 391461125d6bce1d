/**
 * Listens on both address families, IPv4 and IPv6.
 *
 * @module
 */

import type { Handler } from "../redirect/handler.ts";
import { listen, type Listener, type ListenerOptions } from "./listener.ts";

/**
 * Opens a socket for each address of a host: `localhost` is 127.0.0.1 and ::1, regardless of
 * the machine's resolver, and `::` is every address of both families. On a machine without
 * IPv6, only the IPv4 sockets are opened.
 */
export function openFamilies(host: string, open: (host: string) => void): void {
  switch (host) {
    case "localhost":
      open("127.0.0.1");
      tryIpv6("::1", open);
      return;
    case "::":
      // This socket accepts IPv4 as well.
      if (!tryIpv6("::", open)) open("0.0.0.0");
      return;
    default:
      open(host);
  }
}

/** Opens an IPv6 socket; returns `false` if the machine has no IPv6. */
function tryIpv6(host: string, open: (host: string) => void): boolean {
  try {
    open(host);
    return true;
  } catch (error) {
    if (isWithoutIpv6(error)) return false;
    throw error;
  }
}

// The kernel has no IPv6, or no interface has an IPv6 address.
function isWithoutIpv6(error: unknown): boolean {
  if (error instanceof Deno.errors.AddrNotAvailable) return true;
  return error instanceof Error && "code" in error && error.code === "EAFNOSUPPORT";
}

/**
 * Listens on a host in all its families, on one port.
 *
 * @throws the errors of {@linkcode listen}
 */
export function listenOnFamilies(handler: Handler, options: ListenerOptions): Listener {
  const opened: Listener[] = [];
  try {
    openFamilies(options.host, (host) => {
      const port = opened[0]?.address.port ?? options.port;
      opened.push(listen(handler, { ...options, host, port }));
    });
  } catch (error) {
    for (const listener of opened) listener.stopAtOnce();
    throw error;
  }
  return {
    address: opened[0]!.address,
    finished: Promise.all(opened.map(({ finished }) => finished)).then(() => {}),
    certify: (tls) => opened.forEach((listener) => listener.certify(tls)),
    stop: () => opened.forEach((listener) => listener.stop()),
    stopAtOnce: () => opened.forEach((listener) => listener.stopAtOnce()),
  };
}
