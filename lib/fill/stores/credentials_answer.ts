/**
 * Asks the services that give credentials.
 *
 * @module
 */

import { describeReason } from "../../mirrors/asker.ts";
import { failed, type Failure } from "../failure.ts";
import type { Credentials, CredentialsOptions } from "./credentials.ts";

/** What is needed to ask. */
export type AskOptions = Pick<CredentialsOptions, "fetch" | "timeout">;

/** A request for credentials. */
export interface CredentialsRequest {
  /** What is asked, for errors: `EC2's metadata service`. */
  readonly what: string;
  /** Its URL. */
  readonly url: string;
  /** Its method, headers and body. */
  readonly init?: RequestInit;
  /** How long to wait for its answer. */
  readonly timeoutMs: number;
}

const MOST_BYTES = 64 * 1024;

/**
 * Sends a request. What is answered is in no error, because it may be a secret.
 *
 * @returns the text of its answer
 */
export async function askForText(
  { what, url, init, timeoutMs }: CredentialsRequest,
  { fetch, timeout }: AskOptions,
): Promise<string | Failure> {
  try {
    const response = await fetch(url, { ...init, redirect: "manual", signal: timeout(timeoutMs) });
    if (!response.ok) {
      await response.body?.cancel();
      return failed(`no credentials: ${what} answered ${response.status}`);
    }
    const text = await response.text();
    return text.length <= MOST_BYTES ? text : failed(`no credentials: ${what} answered too much`);
  } catch (error) {
    return failed(`no credentials: ${what} did not answer: ${describeReason(error)}`);
  }
}

/** Reads the JSON that containers and machines are answered with. */
export function readCredentials(text: string | Failure, what: string): Credentials | Failure {
  if (typeof text !== "string") return text;
  try {
    const { AccessKeyId, SecretAccessKey, Token, Expiration } = JSON.parse(text);
    if (typeof AccessKeyId === "string" && typeof SecretAccessKey === "string") {
      const endMs = typeof Expiration === "string" ? Date.parse(Expiration) : NaN;
      return {
        kind: "credentials",
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: typeof Token === "string" ? Token : undefined,
        endMs: Number.isNaN(endMs) ? undefined : endMs,
      };
    }
  } catch {
    // No JSON: told below, for the parser's message quotes what may be a secret.
  }
  return failed(`no credentials: ${what} answered with none`);
}
