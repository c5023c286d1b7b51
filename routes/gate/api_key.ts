/**
 * The API key that the server asks for.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { timingSafeEqual } from "hono/utils/buffer";
import { AerieError } from "../../runtime/contracts/errors.ts";
import { needsKey } from "./path_kinds.ts";

/** Denies every path without the key, except those of probes and pages. */
export function checkKey(apiKey: string): MiddlewareHandler {
  return async (c, next) => {
    const keys = keysOf(c);
    const known = await Promise.all(keys.map((key) => timingSafeEqual(key, apiKey)));
    if (!known.includes(true) && needsKey(c.req.path)) {
      throw new AerieError("unauthorized", "Cannot authorize: the API key is missing or wrong");
    }
    await next();
  };
}

/** The keys that a request has: as OpenAI's clients send it, and as Anthropic's do. */
function keysOf({ req }: Context): string[] {
  const [, bearer] = /^bearer +([^ ]+)$/i.exec(req.header("Authorization") ?? "") ?? [];
  return [bearer, req.header("x-api-key")].filter((key) => key !== undefined);
}
