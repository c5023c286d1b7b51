/**
 * Chat templates of published models, and those that are known by name, on conversations, beside jinja2.
 *
 * @module
 */
import assert from "node:assert/strict";
import { toChatMessage } from "../../../routes/generation/messages.ts";
import { chatMessage } from "../../../routes/schema/messages.ts";
import { showsTools } from "../../../runtime/contracts/chat.ts";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
import { AnswerText } from "../../../runtime/output/answer_text.ts";
import { callFormatOf } from "../../../runtime/output/call_formats.ts";
import { joinParts } from "../../../runtime/output/parts.ts";
import { reasoningFormatOf } from "../../../runtime/output/reasoning_formats.ts";
import { ChatTemplate } from "../../../runtime/tokenizer/chat_template.ts";
import { namedTemplate, templateNames } from "../../../runtime/tokenizer/named_templates.ts";
import { SpecialTokens } from "../../../runtime/tokenizer/special_tokens.ts";
import { type Conversation, CONVERSATIONS, type RequestMessage } from "../../support/conversations.ts";
import { REAL_CONFIGS } from "../../support/real_vocabularies.ts";
import { askReference, needsReferences } from "../../support/references.ts";

interface Config {
  readonly "chat_template": string;
  readonly "added_tokens_decoder"?: Readonly<
    Record<string, { readonly content: string; readonly special: boolean }>
  >;
  readonly [token: string]: unknown;
}

interface Model {
  readonly template: string;
  readonly tokens: Readonly<Record<string, string>>;
  readonly specials: SpecialTokens;
}

const SPECIAL = [
  "<|im_start|>",
  "<|im_end|>",
  "<s>",
  "</s>",
  "<start_of_turn>",
  "<end_of_turn>",
  "<|eot_id|>",
];

function toModel(template: string, config: Config): Model {
  const names = ["bos_token", "eos_token", "unk_token", "pad_token"];
  const textOf = (token: unknown) =>
    typeof token === "string" ? token : (token as { content?: string } | null)?.content ?? "";
  const added = Object.values(config["added_tokens_decoder"] ?? {}).filter(({ special }) => special);
  const contents = added.length > 0 ? added.map(({ content }) => content) : SPECIAL;
  return {
    template,
    tokens: Object.fromEntries(names.map((name) => [name, textOf(config[name])])),
    specials: new SpecialTokens(contents.map((content, id) => ({ id, content, special: true })) as never),
  };
}

async function allModels(): Promise<Map<string, Model>> {
  const models = new Map<string, Model>();
  for (const [name, load] of Object.entries(REAL_CONFIGS)) {
    const config = (await load()).default as Config;
    models.set(name, toModel(config["chat_template"], config));
  }
  const tokens = { "bos_token": "<s>", "eos_token": "</s>" } as unknown as Config;
  for (const name of templateNames) models.set(name, toModel(namedTemplate(name)!.text, tokens));
  return models;
}

/** The variables that transformers would render with. */
function toContext({ template, tokens }: Model, { messages, options }: Conversation): unknown {
  const names = new Map(
    messages.flatMap((message) => message["tool_calls"] ?? []).map((call) => [call.id, call.function.name]),
  );
  const asksForNone = /content'\] is none/.test(template),
    goesOverParts = /in message\['content'\]/.test(template);
  return {
    ...tokens,
    ...options?.variables,
    messages: messages.map((message) => ({
      ...toReference(message, { asksForNone, goesOverParts }),
      ...(message.role === "tool" && { name: names.get(message["tool_call_id"]!) }),
    })),
    tools: options?.tools ?? null,
    documents: null,
    "add_generation_prompt": options?.addGenerationPrompt ?? true,
  };
}

function toReference(
  { content, "tool_calls": calls, "reasoning_content": reasoning, ...rest }: RequestMessage,
  { asksForNone, goesOverParts }: { readonly asksForNone: boolean; readonly goesOverParts: boolean },
): object {
  const joined = typeof content === "object" && content !== null && !goesOverParts
    ? content.map(({ text }) => text).join(" ")
    : content;
  return {
    ...rest,
    content: joined ?? (asksForNone ? null : ""),
    ...(reasoning && { "reasoning_content": reasoning, reasoning }),
    ...(calls && {
      "tool_calls": calls.map((call) => ({
        ...call,
        function: { ...call.function, arguments: JSON.parse(call.function.arguments) },
      })),
    }),
  };
}

/** Whether it offers tools that the template has no words for: jinja2 leaves them out, here they are described. */
function isDescribed({ template }: Model, { options }: Conversation): boolean {
  return options?.tools !== undefined && !showsTools(template);
}

function assertDescribed(text: string, { messages, options }: Conversation, name: string): void {
  const called = messages.flatMap((message) => message["tool_calls"] ?? []).map((call) => call.function);
  const results = messages.filter(({ role }) => role === "tool").map(({ content }) => content as string);
  const all = [...options!.tools!.map((tool) => JSON.stringify(tool)), ...results];
  for (const { name, arguments: given } of called) all.push(`{"name": "${name}", "arguments": ${given}}`);
  for (const part of all) assert.ok(text.includes(part), `${name}: ${part} in ${text}`);
}

/** What is refused here although jinja2 renders something: it would leave out what the client sent. */
const LEFT_OUT = /does not (show|know)/;

Deno.test({
  name: "real templates: conversations are rendered as jinja2 renders them",
  ...await needsReferences("jinja2", "transformers"),
  fn: async () => {
    const models = await allModels();
    const pairs = [...models].flatMap(([name, model]) =>
      Object.entries(CONVERSATIONS).map(([kind, conversation]) => ({ name, model, kind, conversation }))
    );
    const answers = await askReference("jinja2_render.py", {
      templates: pairs.map(({ model }) => model.template),
      contexts: pairs.map(({ model, conversation }) => toContext(model, conversation)),
    }) as (string | { readonly error: string })[];
    const rendered = new Map<string, number>();
    for (const [i, { name, model, kind, conversation }] of pairs.entries()) {
      const template = new ChatTemplate(model.template, model.tokens), answer = answers[i]!;
      try {
        const messages = conversation.messages.map((message, i) =>
          toChatMessage(chatMessage.parse(message), i)
        );
        const { text, guard } = template.render(messages, model.specials, conversation.options);
        const shown = text.replaceAll(guard, "");
        if (isDescribed(model, conversation)) assertDescribed(shown, conversation, `${name}, ${kind}`);
        else assert.equal(shown, answer, `${name}, ${kind}`);
        rendered.set(name, (rendered.get(name) ?? 0) + 1);
      } catch (error) {
        if (!(error instanceof InvalidRequestError)) throw error;
        assert.ok(
          typeof answer !== "string" || LEFT_OUT.test(error.message),
          `${name}, ${kind}: ${error.message}`,
        );
      }
    }
    for (const name of Object.keys(REAL_CONFIGS)) {
      assert.ok(rendered.get(name)! >= 8, `${name}: ${rendered.get(name)}`);
    }
    assert.equal(rendered.get("Qwen3"), 12);
  },
});

Deno.test("real templates: calls that they write are read as the same calls", async (t) => {
  const { Qwen3: qwen3, "DeepSeek V3": deepseekV3 } = Object.fromEntries(await allModels());
  const openings = { "<|im_start|>assistant\n": qwen3!, "<｜Assistant｜>": deepseekV3! };
  const arguments_ = ['{"city": "Oslo <|im_end|>", "days": [1, {"a": null}]}', "{}"];
  for (const [opening, model] of Object.entries(openings)) {
    for (const content of ["", "Let me see."]) {
      // The template of DeepSeek V3 shows either.
      if (content !== "" && model === deepseekV3) continue;
      await t.step(`${opening}${content}`, () => {
        const template = new ChatTemplate(model.template, model.tokens);
        const toolCalls = arguments_.map((given, i) => ({ id: `c${i}`, name: `f${i}`, arguments: given }));
        const { text, guard } = template.render(
          [{ role: "user", content: "Go" }, { role: "assistant", content, toolCalls }],
          model.specials,
          { addGenerationPrompt: false },
        );
        const answer = text.replaceAll(guard, "").split(opening)[1]!.replace(
          /<(\|im_end\||｜end▁of▁sentence｜)>\n?$/,
          "",
        );
        // What DeepSeek's own template would be without tools: it describes none.
        const format = callFormatOf(`${model.template}{# tools #}`)!;
        const reasoning = reasoningFormatOf(model.template);
        const reader = new AnswerText({
          calls: { format },
          ...(reasoning &&
            { reasoning: { ...reasoning, state: "possible", isSeparate: true, streams: true } }),
        });
        const { content: said, calls } = joinParts([...reader.push(answer), ...reader.flush()]);
        assert.equal(said, content);
        assert.deepEqual(
          calls.map(({ name, arguments: given }) => [name, JSON.parse(given)]),
          toolCalls.map(({ name, arguments: given }) => [name, JSON.parse(given)]),
        );
      });
    }
  }
});
