/**
 * A log of a redirector that drops everything.
 *
 * @module
 */

import type { RedirectorLog } from "../../lib/redirect/redirector_log.ts";

/** Notified in vain. */
export const SILENT_LOG: RedirectorLog = {
  onUnanswered() {},
  onStale() {},
  onSuspect() {},
  onSample() {},
  onNothingFound() {},
  onNoAddress() {},
  onMisses() {},
};
