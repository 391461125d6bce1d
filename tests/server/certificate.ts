/**
 * A certificate for 127.0.0.1 and other hosts, made anew for each test: RFC 5280, section 4.1, in
 * as few fields as the platform takes.
 *
 * @module
 */

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * A certificate, which is its own issuer, and its private key, both as PEM.
 *
 * @param hosts other IPv4 addresses and names that it is for
 */
export async function createCertificate(
  hosts: readonly string[] = [],
): Promise<{ cert: string; key: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, true, ["sign"]);
  const name = sequence(der(SET, sequence(COMMON_NAME, der(UTF8_STRING, ascii("archeio test")))));
  const alternativeNames = sequence(...["127.0.0.1", ...hosts].map(encodeHost));
  const toSign = sequence(
    der(EXPLICIT_0, der(INTEGER, Uint8Array.of(2))), // version 3
    der(INTEGER, Uint8Array.of(1)), // serial number
    sequence(ECDSA_WITH_SHA256),
    name,
    sequence(der(UTC_TIME, ascii("200101000000Z")), der(UTC_TIME, ascii("491231235959Z"))),
    name,
    new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)),
    der(EXPLICIT_3, sequence(sequence(SUBJECT_ALT_NAME, der(OCTET_STRING, alternativeNames)))),
  );
  const signature = new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, toSign));
  const half = signature.length / 2;
  const signed = sequence(integer(signature.slice(0, half)), integer(signature.slice(half)));
  const certificate = sequence(
    toSign,
    sequence(ECDSA_WITH_SHA256),
    der(BIT_STRING, Uint8Array.of(0), signed),
  );
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  return { cert: pem("CERTIFICATE", certificate), key: pem("PRIVATE KEY", key) };
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const EXPLICIT_0 = 0xa0;
const EXPLICIT_3 = 0xa3;

// 2.5.4.3, 2.5.29.17 and 1.2.840.10045.4.3.2
const COMMON_NAME = der(OBJECT_IDENTIFIER, Uint8Array.of(0x55, 4, 3));
const SUBJECT_ALT_NAME = der(OBJECT_IDENTIFIER, Uint8Array.of(0x55, 0x1d, 0x11));
const ECDSA_WITH_SHA256 = der(
  OBJECT_IDENTIFIER,
  Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2),
);

function der(tag: number, ...contents: readonly Bytes[]): Bytes {
  const content = contents.flatMap((bytes) => [...bytes]);
  const { length } = content;
  const long = length > 0xff ? [0x82, length >> 8, length & 0xff] : [0x81, length];
  return Uint8Array.from([tag, ...length < 0x80 ? [length] : long, ...content]);
}

function sequence(...contents: readonly Bytes[]): Bytes {
  return der(SEQUENCE, ...contents);
}

/** A host of the certificate: RFC 5280, section 4.2.1.6. */
function encodeHost(host: string): Bytes {
  return /^[0-9.]+$/.test(host)
    ? der(IP_ADDRESS, Uint8Array.from(host.split("."), Number))
    : der(DNS_NAME, ascii(host));
}

/** An integer without a sign: no zeros before it, but for one that keeps it positive. */
function integer(bytes: Bytes): Bytes {
  const trimmed = bytes.slice(bytes.findIndex((byte) => byte !== 0));
  return trimmed[0]! < 0x80 ? der(INTEGER, trimmed) : der(INTEGER, Uint8Array.of(0), trimmed);
}

function ascii(text: string): Bytes {
  return Uint8Array.from([...text].map((character) => character.charCodeAt(0)));
}

function pem(label: string, bytes: Bytes): string {
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g)!;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
