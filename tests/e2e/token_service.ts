/**
 * A token service that docker-registry trusts:
 * https://distribution.github.io/distribution/spec/auth/token/
 *
 * It answers as ghcr.io's or Docker Hub's does about what those who ask may not pull: ghcr.io's
 * gives them no token, Docker Hub's one that permits nothing.
 *
 * @module
 */

import type { CertificateFiles } from "./certificate_files.ts";

/** How a token service behaves. */
export interface TokenServiceOptions {
  /** The certificate that docker-registry knows the tokens by. */
  readonly certificate: CertificateFiles;
  /** What it answers those who may not pull. */
  readonly manner: "ghcr" | "hub";
  /** Who may pull everything, and the passwords. */
  readonly users: Readonly<Record<string, string>>;
  /** What everybody may pull. */
  readonly isPublic: (repository: string) => boolean;
}

/** The name that tokens are for, and who issues them. */
export const SERVICE = "registry.test";
export const ISSUER = "token service";

const VALID_S = 300;

/** Makes what answers requests for tokens. */
export function createTokenService(options: TokenServiceOptions) {
  const { manner, users, isPublic } = options;
  const sign = createSigner(options.certificate);
  return async (request: Request): Promise<Response> => {
    const user = readUser(request, users);
    if (user === "wrong") return deny(401);
    const scope = new URL(request.url).searchParams.get("scope") ?? "";
    const [, name = ""] = /^repository:(.+):pull$/.exec(scope) ?? [];
    const mayPull = user !== undefined || isPublic(name);
    if (!mayPull && manner === "ghcr") return deny(403);
    const nowS = Math.floor(Date.now() / 1000);
    const token = await sign({
      iss: ISSUER,
      sub: user ?? "",
      aud: SERVICE,
      iat: nowS,
      nbf: nowS - 10,
      exp: nowS + VALID_S,
      jti: crypto.randomUUID(),
      access: mayPull ? [{ type: "repository", name, actions: ["pull"] }] : [],
    });
    const issued_at = new Date(nowS * 1000).toISOString();
    return Response.json(
      manner === "ghcr"
        ? { token }
        : { token, access_token: token, expires_in: VALID_S, issued_at },
    );
  };
}

function readUser(
  { headers }: Request,
  users: Readonly<Record<string, string>>,
): string | "wrong" | undefined {
  const basic = /^Basic (.+)$/.exec(headers.get("authorization") ?? "")?.[1];
  if (basic === undefined) return undefined;
  const [user = "", password] = atob(basic).split(":");
  return users[user] === password ? user : "wrong";
}

function deny(status: number): Response {
  return Response.json({ errors: [{ code: "DENIED", message: "denied" }] }, { status });
}

// RFC 7515 and RFC 7518, section 3.4.
function createSigner({ cert, key }: CertificateFiles): (claims: object) => Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const imported = crypto.subtle.importKey("pkcs8", bytesOf(key), algorithm, false, ["sign"]);
  const chain = [cert.replace(/-----[^-]+-----|\s/g, "")];
  const header = encode(JSON.stringify({ typ: "JWT", alg: "ES256", x5c: chain }));
  return async (claims) => {
    const signed = `${header}.${encode(JSON.stringify(claims))}`;
    const bytes = new TextEncoder().encode(signed);
    const signature = await crypto.subtle.sign(algorithm, await imported, bytes);
    return `${signed}.${encode(String.fromCharCode(...new Uint8Array(signature)))}`;
  };
}

function bytesOf(pem: string): Uint8Array<ArrayBuffer> {
  const base64 = pem.replace(/-----[^-]+-----|\s/g, "");
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function encode(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
