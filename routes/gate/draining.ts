/**
 * Gate of requests while the server shuts down.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { UnavailableError } from "../../runtime/contracts/errors.ts";
import { isActing, isEnding } from "./path_kinds.ts";

/** Refuses requests that start or change something while `isDraining`; what reads is answered to the end. */
export function refuseWhileDraining(isDraining: () => boolean): MiddlewareHandler {
  return async ({ req: { method, path } }, next) => {
    if (isDraining() && isActing(method, path) && !isEnding(path)) {
      throw new UnavailableError("Cannot accept request: the server is shutting down");
    }
    await next();
  };
}
