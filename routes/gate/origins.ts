/**
 * Which names the server goes by and which web pages may call it. A browser sends a page's requests to this machine
 * whatever page it is: without a preflight where they are simple, and under the page's own name where that name was
 * made to resolve here (DNS rebinding).
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import ipaddr from "ipaddr.js";
import { AerieError } from "../../runtime/contracts/errors.ts";
import { clip } from "../answers/errors.ts";
import { isActing, PROBE_PATHS } from "./path_kinds.ts";

/** Whether a host name, without port, is this machine as seen from itself. */
export function isLocalName(name: string): boolean {
  const bare = bareName(name);
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(bare) || ipaddr.IPv6.isValid(bare);
  return isAddress ? ipaddr.process(bare).range() === "loopback" : bare === "localhost";
}

/** An IPv6 address stands in brackets where a port may follow. */
function bareName(name: string): string {
  return name.toLowerCase().replace(/^\[|\]$/g, "");
}

/** Refuses requests for a name that is neither local nor in `allowed`, but those of probes. */
export function checkHost(allowed: readonly string[]): MiddlewareHandler {
  const names = new Set(allowed.map(bareName));
  return async (c, next) => {
    const host = c.req.header("Host");
    if (host !== undefined && !PROBE_PATHS.includes(c.req.path) && !isAllowedHost(host, names)) {
      throw new AerieError(
        "forbidden",
        `Cannot serve host ${clip(host)}: it is not this machine's; --allowed-hosts names others`,
      );
    }
    await next();
  };
}

/** `names` may hold a name with or without its port. */
function isAllowedHost(host: string, names: ReadonlySet<string>): boolean {
  const name = host.replace(/:\d*$/, "");
  return isLocalName(name) || names.has(bareName(name)) || names.has(host.toLowerCase());
}

/** Whether a page of `origin` may call. */
export function isAllowedOrigin(origin: string, allowed: readonly string[]): boolean {
  if (allowed.includes("*") || allowed.includes(origin)) return true;
  const url = URL.parse(origin);
  return url !== null && isLocalName(url.hostname);
}

/** Whether a page comes from where it calls, as one behind the same proxy does. */
function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && URL.parse(origin)?.host === host.toLowerCase();
}

/**
 * Refuses what a foreign page would have done: requests with its origin, and such as say that they come from another
 * site, where no origin is sent.
 */
export function checkOrigin(allowed: readonly string[]): MiddlewareHandler {
  return async (c, next) => {
    const { method, path } = c.req;
    if (isActing(method, path)) {
      const origin = c.req.header("Origin");
      const isForeign = origin === undefined
        ? c.req.header("Sec-Fetch-Site") === "cross-site"
        : !isAllowedOrigin(origin, allowed) && !isOwn(origin, c.req.header("Host"));
      if (isForeign) {
        throw new AerieError(
          "forbidden",
          `Cannot serve pages of ${clip(origin ?? "another site")}: --cors-origins names those that may call`,
        );
      }
    }
    await next();
  };
}
