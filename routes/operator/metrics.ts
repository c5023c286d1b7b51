/**
 * `/metrics`: what the engine counts, and what the HTTP side adds.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { AerieError } from "../../runtime/contracts/errors.ts";
import type { RouteContext } from "../generation/context.ts";
import { PROMETHEUS_TYPE } from "../generation/http_metrics.ts";
import { errorBody, jsonContent } from "../answers/content.ts";

const route = createRoute({
  method: "get",
  path: "/metrics",
  summary: "Metrics in Prometheus' text format 0.0.4",
  responses: {
    200: { content: { "text/plain": { schema: z.string() } }, description: "All metrics" },
    404: jsonContent(errorBody, "Metrics are switched off"),
    503: jsonContent(errorBody, "The server is starting or stopping"),
  },
});

/** Adds the endpoint. */
export function addMetrics(app: OpenAPIHono, { generator, metrics }: RouteContext): void {
  app.openapi(route, async (c) => {
    const texts = metrics && await Promise.all([generator.metrics(), metrics.text()]);
    const [engineText, httpText] = texts ?? [];
    if (engineText === undefined) {
      throw new AerieError("not_found", "Cannot find GET /metrics: the server runs with --no-enable-metrics");
    }
    return c.text(`${engineText}\n${httpText}`, 200, { "Content-Type": PROMETHEUS_TYPE });
  });
}
