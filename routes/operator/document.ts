/**
 * `/openapi.json`: every endpoint as its schemas say, with examples and with the errors that any of them can answer.
 *
 * @module
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import manifest from "../../deno.json" with { type: "json" };
import { needsKey } from "../gate/path_kinds.ts";
import type { RouteContext } from "../generation/context.ts";
import { examplesOf } from "./examples.ts";
import { sectionOf, SECTIONS } from "./sections.ts";

type Document = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

/** Facts about the server that the document states. */
export interface DocumentOptions {
  /** What a proxy cuts off before the paths, if anything. */
  readonly rootPath: string;
  /** Whether requests need the API key. */
  readonly asksForKey: boolean;
}

const ERRORS: Readonly<Record<string, string>> = {
  400: "A field or a parameter is wrong or not supported; `param` names it",
  401: "The API key is missing or wrong",
  403: "The request is for another host, or from a web page of another origin",
  413: "The body is too large",
};
const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };

/** Adds the document of all endpoints. */
export function addDocument(app: OpenAPIHono, context: RouteContext, options: DocumentOptions): void {
  const { servedModelName } = context.generator.model;
  let document: Document | undefined;
  app.get("/openapi.json", (c) => c.json(document ??= describe(app, servedModelName, options)));
}

function describe(app: OpenAPIHono, model: string, { rootPath, asksForKey }: DocumentOptions): Document {
  if (asksForKey) {
    app.openAPIRegistry.registerComponent("securitySchemes", "apiKey", {
      type: "http",
      scheme: "bearer",
      description: "The key that the server was started with",
    });
  }
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "Aerie", version: manifest.version },
    ...(rootPath !== "" && { servers: [{ url: rootPath }] }),
    tags: Object.keys(SECTIONS).map((name) => ({ name })),
  });
  const examples = examplesOf(model);
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    // An endpoint may share its schema with a POST, but browsers send no body with a GET.
    delete operations.get?.requestBody;
    const { get, post, put, delete: deletion } = operations;
    for (const operation of [get, post, put, deletion].filter((one) => !!one)) {
      const { responses, requestBody } = operation;
      for (const [status, description] of Object.entries(ERRORS)) responses![status] ??= { description };
      for (const [status, response] of Object.entries(responses!)) {
        if (Number(status) >= 400) response.content ??= content;
      }
      if (requestBody !== undefined && "content" in requestBody) {
        Object.assign(requestBody.content["application/json"]!, { examples: examples[path] });
      }
      const section = sectionOf(path);
      if (section !== undefined) operation.tags = [section];
      if (asksForKey && needsKey(path)) operation.security = [{ apiKey: [] }];
    }
  }
  return document;
}
