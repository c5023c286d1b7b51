/**
 * `/openapi.json`: every endpoint as its schemas say, with the errors that any of them can answer.
 *
 * @module
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import manifest from "../../deno.json" with { type: "json" };

type Document = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

const ERRORS: Readonly<Record<string, string>> = {
  400: "A field or a parameter is wrong or not supported; `param` names it",
  401: "The API key is missing or wrong",
  403: "The request is for another host, or from a web page of another origin",
  413: "The body is too large",
};
const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };

/** Adds the document of all endpoints. `rootPath` is what a proxy cuts off before their paths, if anything. */
export function addDocument(app: OpenAPIHono, rootPath: string): void {
  let document: Document | undefined;
  app.get("/openapi.json", (c) => c.json(document ??= describe(app, rootPath)));
}

function describe(app: OpenAPIHono, rootPath: string): Document {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "Aerie", version: manifest.version },
    ...(rootPath !== "" && { servers: [{ url: rootPath }] }),
  });
  for (const operations of Object.values(document.paths ?? {})) {
    for (const { responses } of [operations.get, operations.post, operations.put].filter((one) => !!one)) {
      for (const [status, description] of Object.entries(ERRORS)) responses![status] ??= { description };
      for (const [status, response] of Object.entries(responses!)) {
        if (Number(status) >= 400) response.content ??= content;
      }
    }
  }
  return document;
}
