/**
 * How deep JSON is nested, found without parsing it: V8 takes seconds and gigabytes for megabytes of brackets.
 *
 * @module
 */

/** Far above any file of a model. */
const MAX_DEPTH = 256;

const QUOTE = 0x22,
  BACKSLASH = 0x5c,
  OPEN_LIST = 0x5b,
  OPEN_OBJECT = 0x7b,
  CLOSE_LIST = 0x5d,
  CLOSE_OBJECT = 0x7d;

/** Whether JSON in UTF-8 is nested deeper than is read. */
export function isTooDeep(json: Uint8Array): boolean {
  let depth = 0, inText = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (inText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > MAX_DEPTH) return true;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return false;
}
