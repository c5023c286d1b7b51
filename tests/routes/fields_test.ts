/**
 * Every field of SGLang, OpenAI and vLLM is known by name; `tests/fields/extract.py` takes the first two's from their
 * packages.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { chatRequest } from "../../routes/schema/chat.ts";
import { completionRequest } from "../../routes/schema/completions.ts";
import { generateRequest, nativeSampling } from "../../routes/schema/generate.ts";
import { embeddingsRequest, encodeRequest } from "../../routes/schema/embeddings.ts";
import { chatMessage } from "../../routes/schema/messages.ts";
import * as families from "../../routes/schema/unserved_fields.ts";
import data from "../fields/fields.json" with { type: "json" };
import { FakeGenerator } from "../support/fake_generator.ts";
import { answer, appOf, fault } from "../support/http.ts";

type Source = keyof typeof data.fields;
type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (source: Source): Fields => data.fields[source];
const namesOf = (...sources: Source[]) => sources.flatMap((source) => Object.keys(fieldsOf(source)));
const requests = {
  "/generate": { schema: generateRequest, body: { text: "x" } },
  "/v1/completions": { schema: completionRequest, body: { prompt: "x" } },
  "/v1/chat/completions": { schema: chatRequest, body: { messages: [{ role: "user", content: "x" }] } },
  "/v1/embeddings": { schema: embeddingsRequest, body: { input: "x" } },
  "/encode": { schema: encodeRequest, body: { text: "x" } },
} as const;

/** Fields of vLLM at 002032e that neither SGLang nor OpenAI have, for both endpoints and for chats only. */
const VLLM = [
  ...[
    "allowed_token_ids",
    "bad_words",
    "ec_transfer_params",
    "include_stop_str_in_output",
    "kv_transfer_params",
    "prompt_logprobs",
  ],
  ...["length_penalty", "logprob_token_ids", "repetition_detection", "request_id", "return_mm_kwargs"],
  ...[
    "return_prompt_text",
    "return_token_offsets",
    "return_tokens_as_token_ids",
    "routed_experts_prompt_start",
  ],
  ...["structured_outputs", "thinking_token_budget", "truncate_prompt_tokens", "truncation_side"],
  ...["use_beam_search", "vllm_xargs", "watermarking", "add_special_tokens"],
];
const VLLM_CHAT = [
  ...["add_generation_prompt", "chat_template", "documents", "include_reasoning", "media_io_kwargs"],
];
/** Fields of older versions of vLLM. */
const OLD_VLLM = [
  ...["early_stopping", "guided_choice", "guided_decoding_backend", "guided_grammar", "guided_json"],
  ...["guided_regex", "guided_whitespace_pattern", "logits_processors", "prompt_embeds"],
];
/** Fields of routers and of SGLang's older versions, and what clients of other servers send about reasoning. */
const OTHERS = [
  ...["decode_dp_rank", "label", "thinking_budget", "enable_thinking", "reasoning", "return_audio"],
];
/** Fields of Aerie alone. */
const AERIE = ["return_speculation", "speculative"];

const known: readonly (readonly [Source, z.ZodObject])[] = [
  ["sglang.GenerateReqInput", generateRequest],
  ["sglang.SamplingParams", nativeSampling],
  ["sglang.ChatCompletionRequest", chatRequest],
  ["openai.ChatCompletionRequest", chatRequest],
  ["sglang.CompletionRequest", completionRequest],
  ["openai.CompletionRequest", completionRequest],
  ["sglang.EmbeddingRequest", embeddingsRequest],
  ["openai.EmbeddingRequest", embeddingsRequest],
  ["sglang.EmbeddingReqInput", encodeRequest],
  ["sglang.Message", chatMessage],
  ["openai.AssistantMessage", chatMessage],
  ["openai.ToolMessage", chatMessage],
  ["openai.FunctionMessage", chatMessage],
];

Deno.test("fields: every field of SGLang, OpenAI and vLLM is known", async (t) => {
  const assertKnown = (names: readonly string[], schema: z.ZodObject) =>
    assert.deepEqual(names.filter((name) => !(name in schema.shape)), []);
  for (const [source, schema] of known) {
    await t.step(source, () => assertKnown(Object.keys(fieldsOf(source)), schema));
  }
  await t.step("vLLM", () => {
    assertKnown([...VLLM, ...OLD_VLLM, ...VLLM_CHAT].filter((name) => name !== "prompt_embeds"), chatRequest);
    assertKnown([...VLLM, ...OLD_VLLM], completionRequest);
  });
});

Deno.test("fields: what no other server knows is not known here, but for our own", () => {
  const theirs = new Set([
    ...namesOf(...known.map(([source]) => source)),
    ...VLLM,
    ...VLLM_CHAT,
    ...OLD_VLLM,
  ]);
  const ours = new Set(Object.values(requests).flatMap(({ schema }) => Object.keys(schema.shape)));
  for (const name of Object.keys(nativeSampling.shape)) ours.add(name);
  const own = [...ours].filter((name) => !theirs.has(name));
  assert.deepEqual(own.toSorted(), [...OTHERS, ...AERIE].toSorted());
});

Deno.test("fields: SGLang's defaults, written out, are accepted", async (t) => {
  const sources = {
    "/generate": "sglang.GenerateReqInput",
    "/v1/completions": "sglang.CompletionRequest",
    "/v1/chat/completions": "sglang.ChatCompletionRequest",
    "/v1/embeddings": "sglang.EmbeddingRequest",
    "/encode": "sglang.EmbeddingReqInput",
  } as const;
  for (const [path, source] of Object.entries(sources)) {
    await t.step(path, async () => {
      const { body } = requests[path as keyof typeof requests];
      await answer(appOf(new FakeGenerator()), path, { ...fieldsOf(source), ...body }, z.unknown());
    });
  }
  await t.step("sampling_params", async () => {
    const sampling = { ...fieldsOf("sglang.SamplingParams"), "max_new_tokens": 5 };
    await answer(
      appOf(new FakeGenerator()),
      "/generate",
      { text: "x", "sampling_params": sampling },
      z.unknown(),
    );
  });
});

Deno.test("fields: null stands for every field but the prompt", async (t) => {
  for (const [path, { schema, body }] of Object.entries(requests)) {
    await t.step(path, async () => {
      const nulls = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, null]));
      await answer(appOf(new FakeGenerator()), path, { ...nulls, ...body }, z.unknown());
    });
  }
  await t.step("sampling_params", async () => {
    const nulls = Object.fromEntries(Object.keys(nativeSampling.shape).map((name) => [name, null]));
    await answer(
      appOf(new FakeGenerator()),
      "/generate",
      { text: "x", "sampling_params": nulls },
      z.unknown(),
    );
  });
  await t.step("messages", async () => {
    const nulls = Object.fromEntries(Object.keys(chatMessage.shape).map((name) => [name, null]));
    const messages = [{ ...nulls, role: "user", content: "x" }, { ...nulls, role: "assistant" }];
    await answer(appOf(new FakeGenerator()), "/v1/chat/completions", { messages }, z.unknown());
  });
});

Deno.test("fields: a field that is not served is refused by name, its neutral values are not", async (t) => {
  const document = await documentOf(new FakeGenerator());
  const cases: [path: keyof typeof requests, schema: string, prefix: string, family: object][] = [
    ["/generate", "GenerateRequest", "", families.unservedNative],
    ["/generate", "GenerateRequest", "", families.unservedShared],
    ["/generate", "GenerateRequest", "", families.unservedRouting],
    ["/generate", "SamplingParams", "sampling_params", families.unservedNativeSampling],
    ["/generate", "SamplingParams", "sampling_params", families.unservedSampling],
    ["/v1/completions", "CompletionRequest", "", families.unservedCompletions],
    ["/v1/completions", "CompletionRequest", "", families.unservedOpenai],
    ["/v1/embeddings", "EmbeddingsRequest", "", families.unservedEmbeddings],
    ["/encode", "EncodeRequest", "", families.unservedEncode],
    ["/v1/chat/completions", "ChatRequest", "", families.unservedChat],
    ["/v1/chat/completions", "ChatRequest", "", families.unservedOpenai],
  ];
  for (const [path, schema, prefix, family] of cases) {
    await t.step(`${path}: ${Object.keys(family).join(" ")}`.slice(0, 80), async () => {
      for (const name of Object.keys(family)) {
        const app = appOf(new FakeGenerator()), { body } = requests[path];
        const withValue = (value: unknown) => ({
          ...body,
          ...(prefix === "" ? { [name]: value } : { [prefix]: { [name]: value } }),
        });
        const error = await fault(app, path, withValue({ unheard: ["of"] }));
        assert.equal(error.param, prefix === "" ? name : `${prefix}.${name}`);
        assert.match(error.message, /not supported yet$/);
        const neutral = document[schema]?.properties[name]?.enum ?? [];
        for (const value of neutral) await answer(app, path, withValue(value), z.unknown());
      }
    });
  }
});

Deno.test("fields: a batch may give neutral values for each prompt", async () => {
  const each = [null, null];
  await answer(appOf(new FakeGenerator()), "/generate", {
    text: ["a", "b"],
    ...{
      "lora_path": each,
      "bootstrap_room": each,
      "return_hidden_states": [false, false],
      "image_data": [],
    },
  }, z.unknown());
});

Deno.test("fields: bodies of routers pass, as they write them", async () => {
  const app = appOf(new FakeGenerator());
  const flags = { "log_metrics": true, "return_hidden_states": false, background: false, "no_logs": false };
  const more = { "return_bytes": false, "return_entropy": false, "return_text_in_logprobs": false };
  for (const model of [null, "unknown", "org/tiny"]) {
    await answer(app, "/generate", { text: "x", model, stream: false, ...flags, ...more }, z.unknown());
  }
  const paired = { "bootstrap_host": "10.0.0.1", "bootstrap_port": 8998 };
  const room = '"bootstrap_room":6094533836095115993';
  const body = JSON.stringify({ text: "x", ...paired }).replace(/}$/, `,${room}}`);
  assert.equal((await fault(app, "/generate", body)).param, "bootstrap_host");
  assert.equal((await fault(app, "/generate", `{"text":"x",${room}}`)).param, "bootstrap_room");
});

Deno.test("fields: the document describes every field of a request", async () => {
  const document = await documentOf(new FakeGenerator());
  const schemas = [
    ...["GenerateRequest", "SamplingParams", "CompletionRequest", "ChatRequest", "ChatMessage"],
    ...["EmbeddingsRequest", "EncodeRequest"],
  ];
  for (const name of schemas) {
    const properties = Object.entries(document[name]?.properties ?? {});
    assert.ok(properties.length > 10);
    const bare = properties.filter(([, { description }]) => !description);
    assert.deepEqual(bare.map(([field]) => field), []);
  }
});

const documentSchema = z.object({
  components: z.object({
    schemas: z.record(
      z.string(),
      z.object({
        properties: z.record(
          z.string(),
          z.object({ description: z.string().optional(), enum: z.array(z.unknown()).optional() }),
        ).default({}),
      }),
    ),
  }),
});

async function documentOf(
  generator: FakeGenerator,
): Promise<z.output<typeof documentSchema>["components"]["schemas"]> {
  const response = await appOf(generator).request("/openapi.json");
  return documentSchema.parse(await response.json()).components.schemas;
}
