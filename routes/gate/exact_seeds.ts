/**
 * Seeds of 64 bits, which JSON's numbers carry and JavaScript's do not.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { Slices } from "../answers/slices.ts";

/**
 * A seed of more digits than a JavaScript number keeps, those of more than 64 bits included, which are refused as they
 * are. Inside a text, the quotes of its name are escaped.
 */
const longSeed = /(?<!\\)("(?:sampling_)?seed"\s*:\s*)(-?[1-9]\d{15,39})(?![\d.eE])/g;

/**
 * Reads JSON as `JSON.parse` does, which rounds integers beyond 2^53; of the fields that take such integers, the seeds,
 * they come as text with all their digits. A reviver that sees every value would take a hundred times as long.
 *
 * @throws {SyntaxError} if it is not JSON
 */
export function parseBody(json: string): unknown {
  return JSON.parse(json.replace(longSeed, '$1"$2"'));
}

/** Lets the endpoints read their bodies by {@linkcode parseBody}. */
export function exactSeeds(): MiddlewareHandler {
  return async ({ req }, next) => {
    req.json = async <Body>(): Promise<Body> => {
      const text = await req.text(), slices = new Slices(), body = parseBody(text);
      // The values of a large body are validated in a turn of their own.
      await slices.yieldTurn();
      return body as Body;
    };
    await next();
  };
}
