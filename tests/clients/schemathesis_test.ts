/**
 * Schemathesis over `/openapi.json`: thousands of requests, right and wrong, none of which may get an answer that the
 * document does not promise. The model is tiny and its context short, so that a generation takes no time.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { z } from "zod";
import { clientsFolder, needsPython, pythonProgram, runClient } from "../support/client_programs.ts";
import { ServerProcess } from "../support/server_process.ts";
import { writeTinyModel } from "../support/tiny_model.ts";

const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_schema_conformance",
];
const minCases = 2000;

Deno.test({
  name: "schemathesis: no request gets an answer that the document does not promise",
  ...await needsPython(["schemathesis"], { usesModel: false }),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const config = { numHeads: 4, numKvHeads: 2, headDim: 32 };
      const model = await writeTinyModel(folder, { kind: "safetensors", seed: 1, config });
      const flags = ["--model-path", model, "--served-model-name", "tiny", "--allow-auto-truncate"];
      await using server = await ServerProcess.start([
        ...flags,
        "--context-length",
        "64",
        "--profile-dir",
        join(folder, "profiles"),
      ]);
      const { code, stdout, stderr } = await runClient(pythonProgram("schemathesis"), [
        "--config-file",
        join(clientsFolder, "schemathesis.toml"),
        "run",
        `${server.url}/openapi.json`,
        "--checks",
        CHECKS.join(),
        "--phases",
        "coverage,fuzzing",
        "--max-examples",
        "20",
        "--seed",
        "1",
        "--continue-on-failure",
        "--request-timeout",
        "20",
        "--no-color",
      ], {
        cwd: folder,
        env: {
          SCHEMATHESIS_HOOKS: join(clientsFolder, "schemathesis_hooks.py"),
          AERIE_URL: server.url,
          AERIE_STATUSES: join(folder, "statuses.json"),
        },
      });
      assert.equal(code, 0, stdout + stderr);
      const [, numCases] = /^ *(\d+) generated/m.exec(stdout) ?? [];
      assert(Number(numCases) >= minCases, stdout);
      await checkAnswered(server.url, join(folder, "statuses.json"));
      const answered = await fetch(`${server.url}/health`);
      assert.equal(answered.status, 200, await answered.text());
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** Counts by operation and status. */
const counts = z.record(z.string(), z.record(z.string(), z.int()));

/** Every operation did what it was asked to at least once: answers with an error alone would show nothing of the others. */
async function checkAnswered(url: string, statusesPath: string): Promise<void> {
  const { paths } = await (await fetch(`${url}/openapi.json`)).json();
  const operations = Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
  );
  const statuses = counts.parse(JSON.parse(await Deno.readTextFile(statusesPath)));
  const refused = operations.filter((operation) => statuses[operation]?.["200"] === undefined);
  assert.deepEqual(refused, [], JSON.stringify(statuses));
}
