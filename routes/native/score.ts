/**
 * `/v1/score`: how probable label tokens are after a text, as SGLang's endpoint says it.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { UnavailableError } from "../../runtime/contracts/errors.ts";
import type { GenerationRequest } from "../../runtime/contracts/generation.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import { defaultSamplingParams, maxLogprobTokens } from "../../runtime/contracts/sampling_params.ts";
import type { RouteContext } from "../generation/context.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { checkModel, newId } from "../generation/openai.ts";
import { checkVocabulary, type Prompt, promptTokens } from "../generation/prompt.ts";
import { respond } from "../generation/respond.ts";
import type { Output } from "../generation/run.ts";
import { bounded, label, maxBatch, optional } from "../schema/fields.ts";
import { generationErrors, jsonBody, jsonContent } from "../answers/content.ts";
import { strictFields } from "../schema/strict_fields.ts";
import { unserved } from "../schema/unserved.ts";

const ids = bounded(z.array(z.int().min(0)), 1 << 20);
const labels = bounded(z.array(z.int().min(0)).min(1), maxLogprobTokens);

const scoreRequest = strictFields({
  model: optional(z.string()).describe("A name of the served model"),
  query: optional(z.union([z.string(), ids])).describe(
    "What comes before every item; text with text items, token ids with token ids",
  ),
  items: z.union([
    z.string(),
    bounded(z.array(z.string()), maxBatch),
    bounded(z.array(ids), maxBatch),
  ], "expected a text, texts, or lists of token ids").describe("What labels are scored behind"),
  label_token_ids: z.union([labels, bounded(z.array(labels).min(1), maxBatch)], "expected token ids")
    .describe(
      "Tokens whose probabilities are asked for: for all items, or a list for each",
    ),
  apply_softmax: optional(z.boolean()).describe("Scores of an item add up to 1"),
  temperature: optional(z.number().gt(0).max(100)).describe("Divides log-probabilities; with apply_softmax"),
  item_first: optional(z.boolean()).describe("Items come before the query"),
  return_token_logprobs: optional(z.boolean()).describe("Answer token_logprobs too"),
  embed_override_token_id: unserved("Token that embeddings stand for", "integer"),
  query_embed_overrides: unserved("Embeddings in the query", "array"),
  item_embed_overrides: unserved("Embeddings in items", "array"),
  return_pooled_hidden_states: unserved("Return hidden states", "boolean", false),
  score_extraction_token: unserved("Token at which labels are scored", "string"),
  user: label.describe("Who asks; without effect"),
}).openapi("ScoreRequest");

type ScoreRequest = z.infer<typeof scoreRequest>;

/** Answer to a score request. */
export const scoreResponse = z.object({
  object: z.literal("scoring"),
  model: z.string(),
  /** By item, then by label: the label's probability after the item. */
  scores: z.array(z.array(z.number())),
  /** Natural logarithms, neither scaled nor normalised. */
  token_logprobs: z.array(z.array(z.number())).nullable(),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.literal(0), total_tokens: z.int() }),
}).openapi("ScoreResponse");

type ScoreResponse = z.infer<typeof scoreResponse>;

const route = createRoute({
  method: "post",
  path: "/v1/score",
  summary: "Probabilities of label tokens after texts",
  request: jsonBody(scoreRequest),
  responses: { 200: jsonContent(scoreResponse, "The scores"), ...generationErrors },
});

/** Adds the endpoint. */
export function addScore(app: OpenAPIHono, context: RouteContext): void {
  const { generator } = context;
  app.openapi(route, async (c) => {
    const body = c.req.valid("json");
    checkModel(body.model, generator.model);
    if (body.temperature !== undefined && body.temperature !== 1 && !body.apply_softmax) {
      throwInvalidField("temperature", "only allowed with apply_softmax");
    }
    const prompts = promptsOf(body);
    const byItem = labelsOf(body, prompts.length, generator.model);
    const encoded = await promptTokens(generator, prompts, "items", c.req.raw.signal);
    const formatter = new ScoreFormatter(body, encoded, generator.model.servedModelName);
    return await respond(c, context, scoringRequests(encoded, byItem), formatter);
  });
}

/** Query and item as one prompt, for each item. */
function promptsOf({ query, items, item_first: itemFirst }: ScoreRequest): readonly Prompt[] {
  const list: readonly Prompt[] = typeof items === "string" ? [items] : items;
  return list.map((item) => {
    if (typeof item === "string") {
      if (Array.isArray(query)) throwInvalidField("query", "it is token ids, and items are text");
      return itemFirst ? item + (query ?? "") : (query ?? "") + item;
    }
    if (typeof query === "string") throwInvalidField("query", "it is text, and items are token ids");
    return itemFirst ? [...item, ...query ?? []] : [...query ?? [], ...item];
  });
}

/** The labels of each item. */
function labelsOf(
  { label_token_ids: given }: ScoreRequest,
  numItems: number,
  model: ModelInfo,
): readonly (readonly number[])[] {
  const isShared = typeof given[0] === "number";
  const byItem = isShared
    ? Array.from({ length: numItems }, () => given as readonly number[])
    : given as readonly (readonly number[])[];
  const param = "label_token_ids";
  if (byItem.length !== numItems) throwInvalidField(param, `${byItem.length} lists for ${numItems} items`);
  for (const list of byItem) {
    if (new Set(list).size < list.length) throwInvalidField(param, "a token is given twice");
    checkVocabulary(list, model, param);
  }
  return byItem;
}

/** A generation of no token for each item, which says how probable the labels are as the next one. */
function scoringRequests(
  prompts: readonly Int32Array[],
  byItem: readonly (readonly number[])[],
): GenerationRequest[] {
  const id = newId("score");
  return prompts.map((promptTokens, item) => ({
    requestId: `${id}-${item}`,
    promptTokens,
    sampling: {
      ...defaultSamplingParams,
      temperature: 0,
      maxTokens: 0,
      numLogprobs: 0,
      logprobTokens: byItem[item]!,
    },
  }));
}

class ScoreFormatter {
  readonly stream = false;
  readonly #body: ScoreRequest;
  readonly #prompts: readonly Int32Array[];
  readonly #model: string;

  constructor(
    body: ScoreRequest,
    prompts: readonly Int32Array[],
    model: string,
  ) {
    this.#body = body;
    this.#prompts = prompts;
    this.#model = model;
  }

  whole(outputs: readonly Output[]): ScoreResponse {
    const { apply_softmax: softmax, temperature = 1, return_token_logprobs: wantsLogprobs } = this.#body;
    const logprobs = outputs.map(logprobsIn);
    const numTokens = this.#prompts.reduce((sum, { length }) => sum + length, 0);
    return {
      object: "scoring",
      model: this.#model,
      scores: logprobs.map((item) =>
        softmax ? softmaxOf(item, temperature) : item.map((logprob) => Math.exp(logprob))
      ),
      token_logprobs: wantsLogprobs ? logprobs.map((item) => [...item]) : null,
      usage: { prompt_tokens: numTokens, completion_tokens: 0, total_tokens: numTokens },
    };
  }

  /** None: a score is never streamed. */
  async *events(): AsyncGenerator<unknown> {}
}

/** Logprobs of the labels. */
function logprobsIn({ next, finish }: Output): readonly number[] {
  if (next?.chosen !== undefined) return next.chosen;
  throw new UnavailableError(
    `Cannot score: the generation ended by ${finish?.type ?? "nothing"}, without a score`,
  );
}

function softmaxOf(logprobs: readonly number[], temperature: number): number[] {
  const most = Math.max(...logprobs);
  const weights = logprobs.map((logprob) => Math.exp((logprob - most) / temperature));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
