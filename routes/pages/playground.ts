/**
 * The playground at `/` and `/ui`.
 *
 * @module
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { AerieError } from "../../runtime/contracts/errors.ts";
import { loadPage } from "./assets.ts";

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Adds the page. */
export function addPlayground(app: OpenAPIHono): void {
  let page: ReturnType<typeof loadPage> | undefined;
  for (const path of ["/", "/ui"]) {
    app.get(path, async (c) => {
      const { html } = await (page ??= loadPage("index.html"));
      return c.html(html, 200, { "Content-Security-Policy": POLICY });
    });
  }
  app.get("/ui/:file", async (c) => {
    const asset = (await (page ??= loadPage("index.html"))).assets.get(c.req.param("file"));
    if (asset === undefined) throw new AerieError("not_found", "Cannot find this file of the page");
    return c.body(asset.text, 200, {
      "Content-Type": asset.type,
      "Cache-Control": "public, max-age=31536000, immutable",
    });
  });
}
