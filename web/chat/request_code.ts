/**
 * A request as code that can be run: curl, and OpenAI's clients.
 *
 * @module
 */
import type { Message } from "../api/chat_stream.ts";

/** The request. */
export interface RequestCodeOptions {
  /** Address of the API without a slash at its end, e.g. `http://127.0.0.1:30000/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  readonly messages: readonly Message[];
  /** Fields of the API, as they are sent. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whether the server wants a key; the code reads it from `AERIE_API_KEY`. */
  readonly needsKey: boolean;
}

/** The code of a request in each language in which it can be had. */
export const requestCodes = { curl, python, typescript } as const;

/** Fields that OpenAI's clients know; others go as extra ones. */
const OPENAI_FIELDS = [
  "temperature",
  "max_completion_tokens",
  "top_p",
  "seed",
  "frequency_penalty",
  "presence_penalty",
  "stop",
];

function curl({ baseUrl, model, messages, fields, needsKey }: RequestCodeOptions): string {
  const body = JSON.stringify({ model, messages, stream: true, ...fields }, undefined, 2);
  const lines = [
    `curl -sN ${quoted(`${baseUrl}/chat/completions`)}`,
    `-H 'Content-Type: application/json'`,
    ...(needsKey ? [`-H "Authorization: Bearer $AERIE_API_KEY"`] : []),
    `-d ${quoted(body)}`,
  ];
  return lines.join(" \\\n  ");
}

/** A text as one word of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function python({ baseUrl, model, messages, fields, needsKey }: RequestCodeOptions): string {
  const { known, extra } = split(fields);
  return [
    ...(needsKey ? ["import os", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${pythonOf(baseUrl)}, api_key=${
      needsKey ? `os.environ["AERIE_API_KEY"]` : `"none"`
    })`,
    "stream = client.chat.completions.create(",
    `    model=${pythonOf(model)},`,
    `    messages=${pythonOf(messages, 1)},`,
    ...Object.entries(known).map(([name, value]) => `    ${name}=${pythonOf(value, 1)},`),
    "    stream=True,",
    ...(extra === undefined ? [] : [`    extra_body=${pythonOf(extra, 1)},`]),
    ")",
    "for chunk in stream:",
    "    if chunk.choices:",
    `        print(chunk.choices[0].delta.content or "", end="", flush=True)`,
  ].join("\n");
}

/** JSON's texts and numbers are Python's, too. */
function pythonOf(value: unknown, depth = 0): string {
  const indent = "    ".repeat(depth + 1), end = `\n${"    ".repeat(depth)}`;
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => `${indent}${pythonOf(item, depth + 1)},`).join("\n")}${end}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    return `{\n${
      entries.map(([key, item]) => `${indent}${JSON.stringify(key)}: ${pythonOf(item, depth + 1)},`).join(
        "\n",
      )
    }${end}}`;
  }
  return value === true
    ? "True"
    : value === false
    ? "False"
    : value === null
    ? "None"
    : JSON.stringify(value);
}

function typescript({ baseUrl, model, messages, fields, needsKey }: RequestCodeOptions): string {
  const { known, extra } = split(fields);
  const entry = ([name, value]: readonly [string, unknown]) =>
    `  ${name}: ${JSON.stringify(value, undefined, 2).replaceAll("\n", "\n  ")},`;
  return [
    `import OpenAI from ${JSON.stringify("openai")};`,
    `import process from ${JSON.stringify("node:process")};`,
    "",
    `const client = new OpenAI({ baseURL: ${JSON.stringify(baseUrl)}, apiKey: ${
      needsKey ? `process.env.AERIE_API_KEY` : `"none"`
    } });`,
    ...(extra === undefined ? [] : [
      "// Fields that OpenAI does not have.",
      `const extra = ${JSON.stringify(extra, undefined, 2)};`,
    ]),
    "const stream = await client.chat.completions.create({",
    ...Object.entries({ model, messages, ...known }).map(entry),
    "  stream: true,",
    ...(extra === undefined ? [] : ["  ...extra,"]),
    "});",
    "for await (const chunk of stream) {",
    `  process.stdout.write(chunk.choices[0]?.delta.content ?? "");`,
    "}",
  ].join("\n");
}

function split(fields: Readonly<Record<string, unknown>>): {
  readonly known: Readonly<Record<string, unknown>>;
  readonly extra: Readonly<Record<string, unknown>> | undefined;
} {
  const entries = Object.entries(fields),
    isKnown = ([name]: [string, unknown]) => OPENAI_FIELDS.includes(name);
  const extra = entries.filter((entry) => !isKnown(entry));
  return {
    known: Object.fromEntries(entries.filter(isKnown)),
    extra: extra.length === 0 ? undefined : Object.fromEntries(extra),
  };
}
