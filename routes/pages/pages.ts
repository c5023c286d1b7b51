/**
 * The pages: the playground at `/` and `/ui`, the API's document at `/docs`, their files below `ui/`. All of their
 * addresses are relative, so that a proxy may show the server below a path.
 *
 * @module
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { getPath } from "hono/utils/url";
import { AerieError } from "../../runtime/contracts/errors.ts";
import { packages } from "../../web/packages.ts";
import { buildPage } from "./build_page.ts";
import { once } from "./once.ts";

/** What a page may do: everything comes from this server, and no script or style stands in the HTML. */
const POLICY: readonly string[] = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];
const HEADERS = { "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-cache" };
const KEPT = { "Cache-Control": "public, max-age=31536000, immutable" };

/** What the playground may do: to make HTML out of text by DOMPurify alone, so that what a model writes is no script. */
export const PLAYGROUND_POLICY: readonly string[] = [
  ...POLICY,
  "require-trusted-types-for 'script'",
  "trusted-types dompurify",
];

/** Adds the pages. `rootPath` is what a proxy cuts off before their paths, if anything. */
export function addPages(app: OpenAPIHono, rootPath: string): void {
  // Nothing is read before somebody opens a page.
  const playground = pageAt("index.html"), docs = pageAt("docs/index.html");
  const show = (page: typeof playground, policy: readonly string[]) => async (c: Context) => {
    // A browser resolves relative addresses against the last slash.
    if (rootPath !== "" && getPath(c.req.raw) === rootPath) {
      return c.redirect(`${rootPath.split("/").at(-1)}/`, 308);
    }
    const { html } = await page();
    return html.respond(c, { ...HEADERS, "Content-Security-Policy": policy.join("; ") });
  };
  for (const path of ["/", "/ui"]) app.get(path, show(playground, PLAYGROUND_POLICY));
  // React, in Swagger UI, makes elements of text.
  app.get("/docs", show(docs, POLICY));
  for (const path of ["/ui", "/docs"]) app.get(`${path}/`, (c) => c.redirect(`..${path}`, 308));
  app.get("/ui/:file", async (c) => {
    for (const page of [playground, docs]) {
      const file = (await page()).files.get(c.req.param("file"));
      if (file !== undefined) return file.respond(c, KEPT);
    }
    throw new AerieError("not_found", "Cannot find this file of a page: reload the page");
  });
}

function pageAt(html: string) {
  return once(() => buildPage({ root: new URL("../../web/", import.meta.url), html, packages }));
}
