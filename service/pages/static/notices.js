// What a page tells people above all else, and how it waits for a server that went away.

import { ROOT } from "./api.js";
import { at, make } from "./dom.js";

const RETRY_MS = 1500;

/** Waits until the server answers, or nobody wants to know any more. @param {() => boolean} isWanted */
export async function waitForServer(isWanted) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    if (!isWanted()) return;
    const isThere = await fetch(new URL("livez", ROOT)).then((response) => response.ok, () => false);
    if (isThere) return;
  }
}

/** Tells people something above all else. @param {...(Node | string)} parts */
export function notice(...parts) {
  at("notices").replaceChildren(...(parts.length ? [make("div", { class: "notice" }, ...parts)] : []));
}
