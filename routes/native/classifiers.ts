/**
 * Endpoints of models that classify texts or score pairs of them: cross-encoders, reward models. No architecture of these
 * is served, so what they are asked for is refused by name.
 *
 * @module
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { InvalidRequestError } from "../../runtime/contracts/errors.ts";
import type { RouteContext } from "../generation/context.ts";

/** What the paths ask for, and the kind of model that does it. */
const NEEDS = {
  "/v1/rerank": ["rerank", "a cross-encoder"],
  "/rerank": ["rerank", "a cross-encoder"],
  "/v1/classify": ["classify", "a classifier"],
  "/classify": ["classify", "a classifier or reward model"],
} as const;

/** Adds the endpoints; they are not in the OpenAPI document, since they have no answer. */
export function addClassifiers(app: OpenAPIHono, { generator: { model } }: RouteContext): void {
  for (const [path, [action, kind]] of Object.entries(NEEDS)) {
    app.on(["POST", "PUT"], path, () => {
      throw new InvalidRequestError(
        `Cannot ${action}: ${model.servedModelName} is no ${kind.slice(2)}, but a ${model.architecture}, ` +
          "which generates and embeds; /v1/score says how probable label tokens are",
        "model",
      );
    });
  }
}
