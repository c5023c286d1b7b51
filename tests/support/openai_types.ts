/**
 * Checks answers against OpenAI's own types: JSON schemas made from the declarations of the `openai` package.
 *
 * @module
 */
import { Ajv, type ValidateFunction } from "ajv";
import { strict as assert } from "node:assert";
import { runNpmClient } from "./client_programs.ts";

/** Bodies that OpenAI's API answers with. */
export type OpenaiBody =
  | "Chat"
  | "ChatChunk"
  | "Text"
  | "Embeddings"
  | "ListedModel"
  | "ModelList"
  | "OneResponse"
  | "ResponseEvent"
  | "ItemList"
  | "DeletedResponse"
  | "Failure";

const BODY_OF_OBJECT: Readonly<Record<string, OpenaiBody>> = {
  "chat.completion": "Chat",
  "chat.completion.chunk": "ChatChunk",
  "text_completion": "Text",
  "model": "ListedModel",
  "list": "ModelList",
  "error": "Failure",
};

/** What bodies say of their kinds. */
interface TypedBody {
  readonly object?: string;
  readonly data?: readonly { readonly object?: string; readonly type?: string }[];
  readonly deleted?: boolean;
  /** Of events of responses, and of errors. */
  readonly type?: string;
}

function kindOf({ object, data, deleted, type }: TypedBody): OpenaiBody | undefined {
  if (object === undefined && type !== undefined) return "ResponseEvent";
  if (object === "response") return deleted ? "DeletedResponse" : "OneResponse";
  if (data?.[0]?.object === "embedding") return "Embeddings";
  return data?.[0]?.type === undefined ? BODY_OF_OBJECT[object ?? ""] : "ItemList";
}

/** Validators by body. */
export class OpenaiTypes {
  readonly #ajv = new Ajv({ strict: false, allErrors: true });
  readonly #validators = new Map<OpenaiBody, ValidateFunction>();

  private constructor(schema: object) {
    this.#ajv.addSchema(schema, "openai");
  }

  /** Makes the schemas, in a process that has the packages for it; takes about two seconds. */
  static async make(): Promise<OpenaiTypes> {
    const { code, stdout, stderr } = await runNpmClient("print_schemas.ts");
    assert.equal(code, 0, stderr);
    return new OpenaiTypes(asSent(JSON.parse(stdout)));
  }

  /** Asserts that a parsed body has the form that its `object` field promises. */
  check(body: unknown): void {
    const kind = kindOf(body as TypedBody);
    assert(kind !== undefined, `a body of no known kind: ${JSON.stringify(body)}`);
    this.checkAs(kind, body);
  }

  /** Asserts that a parsed body has a form. */
  checkAs(kind: OpenaiBody, body: unknown): void {
    const validate = this.#validators.get(kind) ?? this.#ajv.compile({ $ref: `openai#/definitions/${kind}` });
    this.#validators.set(kind, validate);
    assert(
      validate(body),
      `not a ${kind}: ${this.#ajv.errorsText(validate.errors)} in ${JSON.stringify(body)}`,
    );
  }

  /** A fetch for clients that lets only bodies and events pass that have OpenAI's form. */
  readonly fetch: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      return new Response(response.body!.pipeThrough(this.#checkedEvents()), response);
    }
    const text = await response.text();
    this.check(JSON.parse(text));
    return new Response(text, response);
  };

  #checkedEvents(): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
    const decoder = new TextDecoder();
    let rest = "";
    return new TransformStream({
      transform: (bytes, controller) => {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop()!;
        for (const line of lines.filter((line) => line.startsWith("data: ") && line !== "data: [DONE]")) {
          this.check(JSON.parse(line.slice(6)));
        }
        controller.enqueue(bytes);
      },
      flush: () => assert.equal(rest, "", "a stream ends within an event"),
    });
  }
}

/**
 * OpenAI sends four nulls that its types do not declare: a streamed completion has no finish reason until its end,
 * the first token of an echoed prompt has no log-probability and no alternatives, and a response has no usage before its
 * end. Embeddings in base64 are texts,
 * which the client turns into the numbers of its types.
 */
function asSent(schema: object): object {
  // deno-lint-ignore no-explicit-any -- a path into a JSON schema
  const { definitions } = schema as any;
  const { CompletionChoice: choice, "CompletionChoice.Logprobs": logprobs, Embedding } = definitions;
  const orNull = (declared: object) => ({ anyOf: [declared, { type: "null" }] });
  Embedding.properties.embedding = { anyOf: [Embedding.properties.embedding, { type: "string" }] };
  const { OneResponse } = definitions;
  OneResponse.properties.usage = orNull(OneResponse.properties.usage);
  choice.properties.finish_reason = orNull(choice.properties.finish_reason);
  for (const list of [logprobs.properties.token_logprobs, logprobs.properties.top_logprobs]) {
    list.items = orNull(list.items);
  }
  return schema;
}
