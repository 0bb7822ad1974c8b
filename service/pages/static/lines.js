// Lines of a table, as files and spreadsheets write them.

/**
 * Returns the values of a line; a value in quotes may hold the separator.
 * @param {string} line
 * @param {string} separator
 */
export function splitLine(line, separator) {
  const values = [""];
  let isQuoted = false;
  for (const [token] of line.matchAll(/""|./gs)) {
    const value = values[values.length - 1];
    if (token === '""' && isQuoted) values[values.length - 1] = `${value}"`;
    else if (token === '"' && (isQuoted || !value.trim())) isQuoted = !isQuoted;
    else if (token === separator && !isQuoted) values.push("");
    else if (token !== '""' || value.trim()) values[values.length - 1] += token;
  }
  return values.map((each) => each.trim());
}

/**
 * Returns the names in the first line of a table, in the encoding that the service reads it in: by its mark, UTF-8, or
 * Windows-1252, which Excel writes.
 * @param {Uint8Array} bytes the file's first ones
 */
export function readNames(bytes) {
  const [line] = decode(bytes).split(/\r\n|\r|\n/, 1);
  const rows = [",", ";", "\t", "|"].map((separator) => splitLine(line, separator));
  return rows.reduce((best, each) => each.length > best.length ? each : best);
}

/** @param {Uint8Array} bytes */
function decode(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  const end = bytes.findIndex((each) => each === 10 || each === 13);
  const line = end < 0 ? bytes : bytes.subarray(0, end);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(line);
  } catch {
    return new TextDecoder("windows-1252").decode(line);
  }
}
