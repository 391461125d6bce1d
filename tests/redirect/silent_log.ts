/**
 * A log of a redirector that drops everything.
 *
 * @module
 */

import type { RedirectorLog } from "../../lib/redirect/redirector.ts";

/** Notified in vain. */
export const SILENT_LOG: RedirectorLog = {
  onUnanswered() {},
  onSuspect() {},
  onSample() {},
  onNothingFound() {},
  onNoAddress() {},
};
