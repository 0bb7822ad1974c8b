// The address of the page holds what it shows, so that it can be kept and shared.

/** @returns {URLSearchParams} */
export function readState() {
  return new URLSearchParams(location.search);
}

/**
 * Writes these fields into the address, without a step in the history unless one is wanted.
 * @param {Record<string, string | null>} fields
 * @param {{step?: boolean}} [options]
 */
export function writeState(fields, { step = false } = {}) {
  const state = readState();
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) state.delete(name);
    else state.set(name, value);
  }
  const query = state.toString().replaceAll("%2C", ",");
  const address = (query ? `?${query}` : location.pathname) + location.hash;
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}
