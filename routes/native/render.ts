/**
 * Requests as the model would see them, in vLLM's form: prompts as tokens, without a generation. Routers choose a worker
 * by them.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { GrammarSource } from "../../runtime/contracts/constraint.ts";
import { defaultSamplingParams, type SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { chatConversation } from "../openai/chat_conversation.ts";
import { checkCompletion, completionSampling, completionTokens } from "../openai/completions.ts";
import type { RouteContext } from "../generation/context.ts";
import { checkOpenai, newId, type OpenaiFields } from "../generation/openai.ts";
import { prepareConversation } from "../generation/prepare_conversation.ts";
import { outputFormatOf } from "../generation/structured_output.ts";
import { generationErrors, jsonBody, jsonContent } from "../answers/content.ts";
import { chatRequest } from "../schema/chat.ts";
import { completionRequest } from "../schema/completions.ts";
import { jsonResponse } from "../answers/slices.ts";

const samplingParams = z.object({
  n: z.int(),
  temperature: z.number(),
  top_p: z.number(),
  /** 0 for all tokens. */
  top_k: z.int(),
  min_p: z.number(),
  frequency_penalty: z.number(),
  presence_penalty: z.number(),
  repetition_penalty: z.number(),
  max_tokens: z.int(),
  min_tokens: z.int(),
  stop: z.array(z.string()),
  stop_token_ids: z.array(z.int()),
  ignore_eos: z.boolean(),
  skip_special_tokens: z.boolean(),
  include_stop_str_in_output: z.boolean(),
  logprobs: z.int().nullable(),
  prompt_logprobs: z.int().nullable(),
  logit_bias: z.record(z.string(), z.number()).nullable(),
  /** As text above 2^53; null where the request brings none. */
  seed: z.union([z.int(), z.string()]).nullable(),
  /** What the output must match, as it is enforced; null for anything. */
  structured_outputs: z.object({
    /** EBNF, of schemas and regular expressions too. */
    grammar: z.string().optional(),
    structural_tag: z.string().optional(),
  }).nullable(),
});

const rendered = z.object({
  request_id: z.string(),
  model: z.string(),
  /** The prompt. */
  token_ids: z.array(z.int()),
  /** What the request says, with the server's defaults. */
  sampling_params: samplingParams,
  stream: z.boolean(),
}).openapi("RenderedRequest");

type Rendered = z.infer<typeof rendered>;

const chatRoute = createRoute({
  method: "post",
  path: "/v1/chat/completions/render",
  summary: "Tokens of a conversation, with what they would be sampled by",
  request: jsonBody(chatRequest),
  responses: { 200: jsonContent(rendered, "The request"), ...generationErrors },
});

const completionsRoute = createRoute({
  method: "post",
  path: "/v1/completions/render",
  summary: "Tokens of prompts, with what they would be sampled by",
  request: jsonBody(completionRequest),
  responses: { 200: jsonContent(z.array(rendered), "A request for each prompt"), ...generationErrors },
});

/** Adds the endpoints. */
export function addRender(app: OpenAPIHono, context: RouteContext): void {
  const { generator } = context;
  // A rendered request draws nothing, and so takes no seed from requests that do.
  const seedless = { ...context, nextSeed: () => 0 };

  app.openapi(chatRoute, async (c) => {
    const body = c.req.valid("json");
    checkOpenai(body, 1, generator.model);
    const conversation = chatConversation(body, seedless);
    const { promptTokens, requests } = await prepareConversation(conversation, seedless, c.req.raw.signal);
    const { sampling, constraint } = requests[0]!;
    const params = toWire(sampling, body, constraint?.grammar);
    return await jsonResponse(toRendered(conversation.id, promptTokens, params, body));
  });

  app.openapi(completionsRoute, async (c) => {
    const body = c.req.valid("json");
    checkCompletion(body, generator.model);
    const id = body.rid ?? body.request_id ?? newId("cmpl");
    const format = outputFormatOf(body);
    const encoded = await completionTokens(generator, body, c.req.raw.signal);
    return await jsonResponse(encoded.map(({ tokens }, i) => {
      const sampling = completionSampling(body, tokens.length, seedless)(0);
      return toRendered(`${id}-${i}`, tokens, toWire(sampling, body, format?.grammar), body);
    }));
  });

  function toRendered(
    id: string,
    tokens: Int32Array,
    params: Rendered["sampling_params"],
    body: OpenaiFields,
  ): Rendered {
    return {
      request_id: id,
      model: generator.model.servedModelName,
      token_ids: [...tokens],
      sampling_params: params,
      stream: body.stream ?? false,
    };
  }
}

function toWire(
  sampling: SamplingParams,
  { n = 1, seed }: OpenaiFields,
  grammar: GrammarSource | undefined,
): Rendered["sampling_params"] {
  const { numLogprobs, promptLogprobStart, logitBias } = sampling;
  return {
    n,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    repetition_penalty: sampling.repetitionPenalty,
    max_tokens: sampling.maxTokens,
    min_tokens: sampling.minTokens,
    stop: [...sampling.stop],
    stop_token_ids: [...sampling.stopTokenIds],
    ignore_eos: sampling.ignoreEos,
    skip_special_tokens: sampling.skipSpecialTokens,
    include_stop_str_in_output: sampling.noStopTrim,
    logprobs: numLogprobs < 0 ? null : numLogprobs,
    prompt_logprobs: promptLogprobStart === defaultSamplingParams.promptLogprobStart ? null : numLogprobs,
    logit_bias: logitBias.length === 0 ? null : Object.fromEntries(logitBias),
    seed: seed === undefined ? null : Number.isSafeInteger(Number(seed)) ? Number(seed) : String(seed),
    structured_outputs: grammar === undefined ? null : toStructuredOutputs(grammar),
  };
}

/** A grammar under the names that vLLM's forms have. */
function toStructuredOutputs(
  grammar: GrammarSource,
): NonNullable<Rendered["sampling_params"]["structured_outputs"]> {
  switch (grammar.type) {
    case "ebnf":
      return { grammar: grammar.grammar };
    case "structural_tag":
      return { structural_tag: grammar.tag };
  }
}
