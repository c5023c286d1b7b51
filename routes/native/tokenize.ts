/**
 * Text to tokens and back, without a generation.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, type z } from "@hono/zod-openapi";
import type { Generator } from "../../runtime/contracts/generation.ts";
import type { ModelInfo } from "../../runtime/contracts/model_info.ts";
import type { RouteContext } from "../generation/context.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { toChatMessage } from "../generation/messages.ts";
import { checkModel } from "../generation/openai.ts";
import { chatTokens, checkVocabulary } from "../generation/prompt.ts";
import { generationErrors, jsonBody, jsonContent } from "../answers/content.ts";
import {
  detokenizeRequest,
  detokenizeResponse,
  tokenizeRequest,
  tokenizeResponse,
  tokenizerInfo,
} from "../schema/tokenize.ts";
import { inParts, jsonResponse, Slices } from "../answers/slices.ts";
import { renderOptionsOf } from "../schema/template_fields.ts";

type TokenizeRequest = z.infer<typeof tokenizeRequest>;
type TokenizeResponse = z.infer<typeof tokenizeResponse>;

const tokenizeRoute = {
  method: "post",
  summary: "Tokens of texts or of a conversation",
  request: jsonBody(tokenizeRequest),
  responses: { 200: jsonContent(tokenizeResponse, "The tokens"), ...generationErrors },
} as const;

const detokenizeRoute = {
  method: "post",
  summary: "Text of tokens",
  request: jsonBody(detokenizeRequest),
  responses: { 200: jsonContent(detokenizeResponse, "The text"), ...generationErrors },
} as const;

const infoRoute = createRoute({
  method: "get",
  path: "/tokenizer_info",
  summary: "Facts about the tokenizer",
  responses: { 200: jsonContent(tokenizerInfo, "The facts") },
});

/** Adds the endpoints. */
export function addTokenize(app: OpenAPIHono, { generator }: RouteContext): void {
  for (const path of ["/tokenize", "/v1/tokenize"]) {
    app.openapi(createRoute({ ...tokenizeRoute, path }), async (c) => {
      const body = c.req.valid("json"), slices = new Slices();
      checkModel(body.model, generator.model);
      return await jsonResponse(await tokenize(generator, body, slices, c.req.raw.signal), slices);
    });
  }

  for (const path of ["/detokenize", "/v1/detokenize"]) {
    app.openapi(createRoute({ ...detokenizeRoute, path }), async (c) => {
      const { model, tokens, skip_special_tokens: skips } = c.req.valid("json"), slices = new Slices();
      checkModel(model, generator.model);
      const isBatch = Array.isArray(tokens[0]);
      const batch = (isBatch ? tokens : [tokens]) as readonly (readonly number[])[];
      for (const list of batch) checkVocabulary(list, generator.model, "tokens");
      const all = async (skipSpecialTokens: boolean) => {
        const texts: string[] = [];
        for (const list of batch) texts.push(await decode(generator, list, skipSpecialTokens, slices));
        return isBatch ? texts : texts[0]!;
      };
      const text = await all(skips ?? true);
      return await jsonResponse({ text, prompt: skips === undefined ? await all(false) : text }, slices);
    });
  }

  app.openapi(infoRoute, (c) => c.json(describeTokenizer(generator.model), 200));
}

async function tokenize(
  generator: Generator,
  body: TokenizeRequest,
  slices: Slices,
  signal: AbortSignal,
): Promise<TokenizeResponse> {
  const { prompt, messages, return_token_strs: wantsNames } = body, { model } = generator;
  if (prompt === undefined && messages === undefined) {
    throwInvalidField("prompt", "neither prompt nor messages are given");
  }
  if (prompt !== undefined && messages !== undefined) throwInvalidField("messages", "prompt is given too");
  if (messages !== undefined && body.add_special_tokens) {
    throwInvalidField("add_special_tokens", "the chat template adds them to messages");
  }
  const lists: Int32Array[] = [];
  if (messages !== undefined) {
    lists.push(await chatTokens(generator, messages.map(toChatMessage), renderOptionsOf(body), signal));
  }
  for (const text of prompt === undefined ? [] : [prompt].flat()) {
    const options = { addSpecialTokens: body.add_special_tokens ?? true, parseSpecial: true };
    lists.push(await generator.encode(text, options, signal));
  }
  const isBatch = Array.isArray(prompt);
  const shape = <T>(values: readonly T[]) => isBatch ? [...values] : values[0]!;
  const names: string[][] = [];
  for (const tokens of wantsNames ? lists : []) {
    names.push(await inParts([...tokens], slices, (part) => part.map((token) => generator.tokenName(token))));
  }
  return {
    tokens: shape(lists.map((tokens) => [...tokens])),
    count: shape(lists.map(({ length }) => length)),
    ...(wantsNames && { token_strs: shape(names) }),
    max_model_len: model.contextLength,
  } as TokenizeResponse;
}

/** Text of tokens, made in slices. */
async function decode(
  generator: Generator,
  tokens: readonly number[],
  skipSpecialTokens: boolean,
  slices: Slices,
): Promise<string> {
  const decoder = generator.detokenizer({ skipSpecialTokens });
  const pieces = await inParts(tokens, slices, (part) => part.map((token) => decoder.push(token)));
  return pieces.join("") + decoder.flush();
}

function describeTokenizer(
  { tokenizer, contextLength, vocabSize }: ModelInfo,
): z.infer<typeof tokenizerInfo> {
  const { bosToken, eosToken, unkToken, padToken, addsBos, chatTemplate } = tokenizer;
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: bosToken ?? null,
    eos_token: eosToken ?? null,
    unk_token: unkToken ?? null,
    pad_token: padToken ?? null,
    add_bos_token: addsBos,
    chat_template: chatTemplate ?? null,
    model_max_length: contextLength,
    vocab_size: vocabSize,
  };
}
