/**
 * Chat templates of published models, and those that are known by name, on conversations, beside jinja2.
 *
 * @module
 */
import assert from "node:assert/strict";
import { toChatMessage } from "../../../routes/generation/messages.ts";
import { chatMessage } from "../../../routes/schema/messages.ts";
import { InvalidRequestError } from "../../../runtime/contracts/errors.ts";
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
  const asksForNone = /content'\] is none/.test(template),
    goesOverParts = /in message\['content'\]/.test(template);
  return {
    ...tokens,
    ...options?.variables,
    messages: messages.map((message) => toReference(message, { asksForNone, goesOverParts })),
    tools: options?.tools ?? null,
    documents: null,
    "add_generation_prompt": options?.addGenerationPrompt ?? true,
  };
}

function toReference(
  { content, "tool_calls": calls, "reasoning_content": reasoning, ...rest }: RequestMessage,
  { asksForNone, goesOverParts }: { readonly asksForNone: boolean; readonly goesOverParts: boolean },
): unknown {
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
        const messages = conversation.messages.map((message) => toChatMessage(chatMessage.parse(message)));
        const { text, guard } = template.render(messages, model.specials, conversation.options);
        assert.equal(text.replaceAll(guard, ""), answer, `${name}, ${kind}`);
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
