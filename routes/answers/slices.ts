/**
 * Cooperative multitasking in the HTTP thread: long work is cut into slices, between which other work gets its turn.
 *
 * @module
 */

/** Longest slice, ms: streams and signals wait this long at most. */
const sliceMs = 10;

/** Entries converted at once, each with up to 20 alternatives. */
const partLength = 64;

/** The turn of the caller that paused last. */
let lastTurn = Promise.resolve();

/** Work under way. */
export class Slices {
  #startMs = performance.now();

  /**
   * Yields the event loop once a slice is over; to be awaited between short pieces of work. One work goes on per turn
   * of the event loop, so that the slices of several do not add up.
   */
  async yieldTurn(): Promise<void> {
    if (performance.now() - this.#startMs < sliceMs) return;
    await (lastTurn = lastTurn.then(() => new Promise((resolve) => setTimeout(resolve, 0))));
    this.#startMs = performance.now();
  }
}

/** Converts a list part by part, in slices, and returns the results as one list. */
export async function inParts<T, U>(
  list: readonly T[],
  slices: Slices,
  convert: (part: readonly T[]) => readonly U[],
): Promise<U[]> {
  const converted: U[] = [];
  for (let at = 0; at < list.length; at += partLength) {
    for (const entry of convert(list.slice(at, at + partLength))) converted.push(entry);
    await slices.yieldTurn();
  }
  return converted;
}

/**
 * JSON of plain data, as `JSON.stringify` writes it, made in slices: the lists that grow with an answer, such as
 * logprobs, are at most five levels deep, and their entries small.
 */
export async function toJson(value: unknown, slices: Slices): Promise<string> {
  const pieces: string[] = [];
  await write(value, 0, pieces, slices);
  return pieces.join("");
}

/** An answer that is plain data, written in slices. */
export async function jsonResponse(value: unknown, slices: Slices = new Slices()): Promise<Response> {
  return new Response(await toJson(value, slices), { headers: { "Content-Type": "application/json" } });
}

async function write(value: unknown, depth: number, pieces: string[], slices: Slices): Promise<void> {
  const isObject = typeof value === "object" && value !== null;
  if (!isObject || depth > 4 || (Array.isArray(value) && typeof value[0] !== "object")) {
    pieces.push(JSON.stringify(value) ?? "null");
    return await slices.yieldTurn();
  }
  const isList = Array.isArray(value);
  let separator = isList ? "[" : "{";
  for (const [key, entry] of isList ? value.entries() : Object.entries(value)) {
    if (!isList && entry === undefined) continue;
    pieces.push(isList ? separator : `${separator}${JSON.stringify(key)}:`);
    separator = ",";
    await write(entry, depth + 1, pieces, slices);
  }
  pieces.push(isList ? "]" : separator === "{" ? "{}" : "}");
}
