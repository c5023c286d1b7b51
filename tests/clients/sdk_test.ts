/**
 * Clients that run in programs of their own against the real server: each check of their scripts is a step.
 *
 * @module
 */
import { needsPython, runChecks } from "../support/client_programs.ts";
import { startForClients } from "../support/client_server.ts";
import { needsModel } from "../support/model_file.ts";

const CLIENTS = [
  { name: "openai for Python", script: "check_openai.py", ...await needsPython(["openai"]) },
  { name: "litellm", script: "check_litellm.py", ...await needsPython(["litellm"]) },
  { name: "the AI SDK", script: "check_ai.ts", ignore: needsModel().ignore },
  { name: "Anthropic's SDK", script: "check_anthropic.ts", ignore: needsModel().ignore },
  { name: "Ollama's client", script: "check_ollama.ts", ignore: needsModel().ignore },
  { name: "LangChain for npm", script: "check_langchain.ts", ignore: needsModel().ignore },
];

Deno.test({
  name: "sdk: other people's clients work against the real server",
  ignore: CLIENTS.every(({ ignore }) => ignore),
  async fn(t) {
    await using server = await startForClients();
    for (const { name, script, ignore } of CLIENTS) {
      await t.step({ name, ignore, fn: (t) => runChecks(t, script, server) });
    }
  },
});
