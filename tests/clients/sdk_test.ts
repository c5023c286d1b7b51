// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Clients that run in programs of their own against the real server: each check of their scripts is a step. Then other
 * people's implementations judge what the server says to schemas.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { needsPython, type PythonClients, runChecks } from "../support/client_programs.ts";
import { apiKey, startForClients } from "../support/client_server.ts";
import { needsModel } from "../support/model_file.ts";
import { askReference, needsReferences } from "../support/references.ts";
import judgedSchemas from "./judged_schemas.json" with { type: "json" };

interface Client {
  readonly name: string;
  readonly script: string;
  readonly ignore: boolean;
  readonly clients?: PythonClients;
}

const inInstructor = { clients: "instructor" } as const;
const CLIENTS: readonly Client[] = [
  { name: "openai for Python", script: "check_openai.py", ...await needsPython(["openai"]) },
  { name: "litellm", script: "check_litellm.py", ...await needsPython(["litellm"]) },
  {
    name: "LangChain for Python",
    script: "check_langchain.py",
    ...await needsPython(["langchain_openai"]),
  },
  {
    name: "instructor",
    script: "check_instructor.py",
    ...inInstructor,
    ...await needsPython(["instructor"], inInstructor),
  },
  { name: "the AI SDK", script: "check_ai.ts", ignore: needsModel().ignore },
  { name: "Anthropic's SDK", script: "check_anthropic.ts", ignore: needsModel().ignore },
  { name: "Ollama's client", script: "check_ollama.ts", ignore: needsModel().ignore },
  { name: "LangChain for npm", script: "check_langchain.ts", ignore: needsModel().ignore },
];
const judges = await needsReferences("jsonschema", "xgrammar");

/** An answer of `/generate`, as far as it is looked at. */
interface Answer {
  readonly text: string;
  readonly meta_info: { readonly finish_reason: { readonly type: string } };
}

/** Answers as drawn to each of the schemas, all at once; those that the limit cut are left out. */
async function answersToSchemas(
  url: string,
  numAnswers: number,
): Promise<{ schema: object; texts: string[] }[]> {
  const schemas = Object.values(judgedSchemas);
  const asked = schemas.flatMap((schema) => Array.from({ length: numAnswers }, () => JSON.stringify(schema)));
  const response = await fetch(`${url}/generate`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      // An example keeps references to themselves short.
      text: asked.map(() => 'JSON: {"value": 3, "next": null}\nJSON: '),
      sampling_params: asked.map((schema, seed) => ({
        json_schema: schema,
        sampling_seed: seed,
        temperature: 1,
        max_new_tokens: 120,
      })),
    }),
  });
  const answers: readonly Answer[] = await response.json();
  assert(response.ok, JSON.stringify(answers));
  return schemas.map((schema, i) => ({
    schema,
    texts: answers.slice(i * numAnswers, (i + 1) * numAnswers)
      .filter(({ meta_info: { finish_reason: reason } }) => reason.type === "stop")
      .map(({ text }) => text),
  }));
}

Deno.test({
  name: "sdk: other people's clients work against the real server",
  ignore: CLIENTS.every(({ ignore }) => ignore),
  async fn(t) {
    await using server = await startForClients();
    for (const { name, script, ignore, clients } of CLIENTS) {
      await t.step({ name, ignore, fn: (t) => runChecks(t, script, { server, clients }) });
    }
    await t.step({
      name: "jsonschema and xgrammar for Python find no fault in what answers schemas",
      ...judges,
      async fn() {
        const cases = await answersToSchemas(server.url, 3);
        for (const { schema, texts } of cases) assert(texts.length > 0, JSON.stringify(schema));
        assert.deepEqual(await askReference("structured_answers.py", cases), []);
      },
    });
  },
});
