/**
 * Clients that run in programs of their own against the real server: each check of their scripts is a step.
 *
 * @module
 */
import { needsPython, runChecks } from "../support/client_programs.ts";
import { startForClients } from "../support/client_server.ts";
import { needsModel } from "../support/model_file.ts";

const SCRIPTS = {
  "openai for Python": { script: "check_openai.py", ...await needsPython(["openai"]) },
  "litellm": { script: "check_litellm.py", ...await needsPython(["litellm"]) },
  "the AI SDK": { script: "check_ai.ts", ignore: needsModel().ignore },
  "LangChain for npm": { script: "check_langchain.ts", ignore: needsModel().ignore },
};

for (const [client, { script, ignore }] of Object.entries(SCRIPTS)) {
  Deno.test({ name: `sdk: ${client} works against the real server`, ignore }, async (t) => {
    await using server = await startForClients();
    await runChecks(t, script, server);
  });
}
