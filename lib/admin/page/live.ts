/**
 * The script of the page: renders its parts again as the state changes.
 *
 * @module
 */

/// <reference lib="dom" />

import { Idiomorph } from "idiomorph";
import type { Status } from "../status.ts";
import { formatTime } from "./format.ts";
import { PARTS, titleOf } from "./page.ts";

const POLL_MS = 2000;
// A step of the history takes longer than a poll.
const HISTORY_EVERY = 5;
const TIMEOUT_MS = 10_000;

let polls = 0;

async function poll(): Promise<void> {
  const withHistory = polls++ % HISTORY_EVERY === 0;
  try {
    const response = await fetch(withHistory ? "/status" : "/status?history=none", {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      cache: "no-store",
    });
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
  } catch {
    tell("lost", "no answer: the page is as it was");
  }
  setTimeout(poll, POLL_MS);
}

function show(status: Status): void {
  for (const { id, render } of PARTS) {
    const element = document.getElementById(id);
    const html = render(status)?.html;
    if (element === null || html === undefined) continue;
    Idiomorph.morph(element, html, { morphStyle: "innerHTML", callbacks: { beforeNodeMorphed } });
  }
  document.title = titleOf(status);
  tell("live", `live, ${formatTime(status.time)}`);
}

// A text that somebody selects would lose the selection.
function beforeNodeMorphed(node: Node): boolean {
  const selection = document.getSelection();
  return selection === null || selection.isCollapsed || node.nodeType !== Node.TEXT_NODE ||
    !selection.containsNode(node, true);
}

function tell(state: "live" | "lost", text: string): void {
  const element = document.getElementById("live")!;
  element.className = state;
  element.textContent = text;
}

poll();
