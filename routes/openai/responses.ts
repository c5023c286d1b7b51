/**
 * `/v1/responses`, and the responses that are stored.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { errorBody, generationContent, generationErrors, jsonBody, jsonContent } from "../answers/content.ts";
import { throwInvalidField } from "../answers/errors.ts";
import type { RouteContext } from "../generation/context.ts";
import { checkModel } from "../generation/openai.ts";
import { prepareFrom } from "../generation/prepare_from.ts";
import { respond } from "../generation/respond.ts";
import { responsesRequest } from "../schema/responses.ts";
import { deletedResponse, inputItems, responsesResponse } from "../schema/responses_answer.ts";
import { responsesItem } from "../schema/responses_items.ts";
import { type ConversationItem, itemsOfRequest, responsesConversation } from "./responses_conversation.ts";
import { ResponseFormatter } from "./responses_formatter.ts";
import { itemId } from "./responses_output.ts";
import { prepareTruncated } from "./responses_truncation.ts";
import { StoredResponses } from "./stored_responses.ts";

const params = z.object({ response_id: z.string().describe("Id of a stored response") });
const missing = { 404: jsonContent(errorBody, "No such response is stored") };

const createResponse = createRoute({
  method: "post",
  path: "/v1/responses",
  summary: "Answer a conversation, and store the answer",
  request: jsonBody(responsesRequest),
  responses: { 200: generationContent(responsesResponse, "The response"), ...generationErrors },
});

const getResponse = createRoute({
  method: "get",
  path: "/v1/responses/{response_id}",
  summary: "A stored response",
  request: {
    params,
    query: z.object({
      stream: z.enum(["false", "true"]).optional().describe("Replay as events; true is not supported yet"),
    }),
  },
  responses: { 200: jsonContent(responsesResponse, "The response"), ...missing },
});

const deleteResponse = createRoute({
  method: "delete",
  path: "/v1/responses/{response_id}",
  summary: "Forget a stored response",
  request: { params },
  responses: {
    200: jsonContent(deletedResponse, "It is forgotten"),
    400: jsonContent(errorBody, "It is still being made"),
    ...missing,
  },
});

const cancelResponse = createRoute({
  method: "post",
  path: "/v1/responses/{response_id}/cancel",
  summary: "End a response that is being made",
  request: { params },
  responses: {
    200: jsonContent(responsesResponse, "It is ended; one that had ended is as it was"),
    ...missing,
  },
});

const listInput = createRoute({
  method: "get",
  path: "/v1/responses/{response_id}/input_items",
  summary: "Items that a stored response was made from",
  request: {
    params,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(100).default(20).describe("Items at most"),
      order: z.enum(["asc", "desc"]).default("desc").describe("Whether the oldest or the newest comes first"),
      after: z.string().optional().describe("Id of the item before the first"),
    }),
  },
  responses: { 200: jsonContent(inputItems, "The items"), ...missing },
});

/** Adds the endpoints of responses. */
export function addResponses(app: OpenAPIHono, context: RouteContext): void {
  app.openAPIRegistry.register("ResponseInputItem", responsesItem);
  const stored = new StoredResponses();

  app.openapi(createResponse, async (c) => {
    const body = c.req.valid("json"), { signal } = c.req.raw;
    checkModel(body.model, context.generator.model);
    const id = itemId("resp"), input = itemsOfRequest(body, stored);
    const prepare = (items: readonly ConversationItem[]) =>
      prepareFrom("input", responsesConversation(body, { id, items }, context), context, signal);
    const prepared = body.truncation === "auto"
      ? await prepareTruncated(input, prepare)
      : await prepare(input);
    const keeps = body.store ?? true;
    const onEnd = (response: ResponseFormatter["begun"]) =>
      keeps ? stored.keep({ response, input }) : stored.end(id);
    const formatter = new ResponseFormatter({ id, body, prepared, context, onEnd });
    stored.begin({ response: formatter.begun, input });
    signal.addEventListener("abort", () => stored.end(id), { once: true });
    try {
      return await respond(c, context, prepared.requests, formatter);
    } catch (error) {
      stored.end(id);
      throw error;
    }
  });

  app.openapi(getResponse, (c) => {
    if (c.req.valid("query").stream === "true") throwInvalidField("stream", "not supported yet");
    return c.json(stored.get(c.req.valid("param").response_id).response, 200);
  });

  app.openapi(deleteResponse, (c) => {
    const { response_id: id } = c.req.valid("param");
    stored.delete(id);
    return c.json({ id, object: "response" as const, deleted: true as const }, 200);
  });

  app.openapi(cancelResponse, (c) => {
    const { response_id: id } = c.req.valid("param");
    const { response } = stored.get(id);
    if (!stored.isRunning(id)) return c.json(response, 200);
    context.generator.abort(id, "it was cancelled");
    return c.json({ ...response, status: "cancelled" as const }, 200);
  });

  app.openapi(listInput, (c) => {
    const { limit, order, after } = c.req.valid("query");
    const { input } = stored.get(c.req.valid("param").response_id);
    const items = order === "asc" ? input : input.toReversed();
    const start = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1;
    if (after !== undefined && start === 0) throwInvalidField("after", "no such item");
    const data = items.slice(start, start + limit);
    return c.json({
      object: "list" as const,
      data,
      "first_id": data[0]?.id ?? null,
      "last_id": data.at(-1)?.id ?? null,
      "has_more": start + limit < items.length,
    }, 200);
  });
}
