/**
 * The two questions that operators ask: what would this client get, and where is this address?
 *
 * @module
 */

import { describeNoAddress, tryAddress } from "../net/address.ts";
import { imagePath } from "../oci/image.ts";
import { explain, type Explanation } from "../redirect/explain.ts";
import type { Redirector } from "../redirect/redirector.ts";

/** The answer to a question, or why it is none. */
export type Answered<Answer> =
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "mistake"; readonly message: string };

/** Where an address is. */
export interface Found {
  /** The address, as given. */
  readonly address: string;
  /** Its location, `<cloud>/<region>`; `null` without one. */
  readonly location: string | null;
  /** The prefix that determines the location. */
  readonly prefix: string | null;
}

/** What questions are answered from. */
export type Asked = Pick<Redirector, "routing" | "present">;

const USAGE = "explain takes an address, and a path that begins with a slash or an image: " +
  "/explain?address=192.0.2.1&path=/v2/pause/manifests/3.9 or " +
  "/explain?address=192.0.2.1&image=pause:3.9";

/** Explains what a client would get now, as parameters of a query ask. */
export function answerExplain(
  parameters: URLSearchParams,
  { routing, present }: Asked,
): Answered<Explanation> {
  const address = parameters.get("address");
  const path = tryPath(parameters);
  if (!address || path === undefined) return { kind: "mistake", message: USAGE };
  const client = tryAddress(address.trim());
  if (client === undefined) return { kind: "mistake", message: describeNoAddress(address) };
  const answer = explain(client, { address, path }, routing(), present);
  return { kind: "answer", answer };
}

function tryPath(parameters: URLSearchParams): string | undefined {
  const image = parameters.get("image")?.trim();
  if (image) return imagePath(image);
  const path = parameters.get("path")?.trim();
  return path?.startsWith("/") ? path : undefined;
}

const LOOKUP_USAGE = "lookup takes an address: /lookup?address=192.0.2.1";

/** Says where an address is, as a parameter of a query asks. */
export function answerLookup(
  address: string | null,
  { routing }: Pick<Asked, "routing">,
): Answered<Found> {
  if (!address) return { kind: "mistake", message: LOOKUP_USAGE };
  const client = tryAddress(address.trim());
  if (client === undefined) return { kind: "mistake", message: describeNoAddress(address) };
  const { location = null, prefix = null } = routing().locator.explain(client) ?? {};
  return { kind: "answer", answer: { address, location, prefix } };
}
