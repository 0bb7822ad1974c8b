// The service is asked here. Whatever goes wrong is an Error whose message is a sentence for a person.

import { say } from "./words.js";

/** Modules lie two folders below the service's root, wherever a proxy puts that. */
export const ROOT = new URL("../../", import.meta.url);

/** What the service said of a request that it did not take. */
export class Refusal extends Error {}

/** Nobody answered: the service is down, or the network is. */
export class Unreachable extends Error {
  constructor() {
    super(say("unreachable"));
  }
}

/**
 * Returns the JSON that the service answers; throws Refusal or Unreachable.
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export async function ask(path, options) {
  const response = await fetch(new URL(path, ROOT), options).catch(() => {
    throw new Unreachable();
  });
  const text = await response.text().catch(() => {
    throw new Unreachable();
  });
  const answer = parse(text);
  if (!response.ok) throw new Refusal(answer?.error ?? say("noSentence", response.status));
  if (answer === undefined) throw new Refusal(say("noSentence", response.status));
  return answer;
}

/**
 * Sends JSON and returns the JSON that is answered.
 * @param {string} path
 * @param {any} body
 */
export function post(path, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
