// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * lm-eval's `local-completions` against the real server, with the server's own tokenizer (`tokenizer_backend=auto`),
 * offline, on a task of four documents that the default model knows.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { clientsFolder, needsPython, OFFLINE, pythonProgram, runClient } from "../support/client_programs.ts";
import { apiKey, servedModel, startForClients } from "../support/client_server.ts";

/** What lm-eval writes of a document. */
interface Sample {
  readonly target: string;
  readonly arguments: Readonly<Record<string, { readonly arg_0: string; readonly arg_1: string }>>;
  readonly filtered_resps: readonly string[];
  readonly [metric: string]: unknown;
}

async function samplesOf(folder: string, task: string): Promise<Sample[]> {
  const names = [...Deno.readDirSync(join(folder, servedModel))].map(({ name }) => name);
  const name = names.find((name) => name.startsWith(`samples_${task}_`))!;
  const text = await Deno.readTextFile(join(folder, servedModel, name));
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

/** Log-probability of `ending` behind `start`, by the native endpoint; the ending is one token. */
async function logprobOf(url: string, start: string, ending: string): Promise<number> {
  const response = await fetch(`${url}/generate`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({
      text: start + ending,
      sampling_params: { max_new_tokens: 0 },
      return_logprob: true,
      logprob_start_len: 0,
      return_text_in_logprobs: true,
    }),
  });
  const { meta_info: { input_token_logprobs: entries } } = await response.json();
  const [logprob, , text] = entries.at(-1);
  assert.equal(text, ending);
  return logprob;
}

Deno.test({
  name: "lm-eval: scores and continues texts with the server's tokenizer",
  ...await needsPython(["lm_eval"]),
  async fn(t) {
    const folder = await Deno.makeTempDir();
    try {
      await using server = await startForClients();
      const url = `${server.url}/v1/completions`;
      const { code, stdout, stderr } = await runClient(pythonProgram("lm_eval"), [
        "run",
        "--model",
        "local-completions",
        "--model_args",
        `base_url=${url},model=${servedModel},auth_token=${apiKey},num_concurrent=2,max_retries=1`,
        "--tasks",
        "capitals",
        "continuations",
        "--include_path",
        join(clientsFolder, "lm_eval"),
        "--output_path",
        folder,
        "--log_samples",
      ], { env: { ...OFFLINE, HF_HOME: join(folder, "hf"), OPENAI_API_KEY: apiKey } });
      assert.equal(code, 0, stdout + stderr);
      assert.match(stderr, /Using remote tokenizer backend/);

      await t.step("loglikelihood: the scores are the model's, and rank the capital first", async () => {
        const samples = await samplesOf(folder, "capitals");
        assert.equal(samples.length, 4);
        for (const { target, arguments: pairs, filtered_resps: answers, acc } of samples) {
          const scores = answers.map(([score]) => Number(score));
          assert.equal(scores.indexOf(Math.max(...scores)), Number(target));
          assert.equal(acc, 1);
          for (const [index, { arg_0: start, arg_1: ending }] of Object.values(pairs).entries()) {
            const expected = await logprobOf(server.url, start, ending);
            assert(
              Math.abs(scores[index]! - expected) < 1e-4,
              `${start}${ending}: ${scores[index]}, ${expected}`,
            );
          }
        }
      });
      await t.step("generate_until: the texts go on and end where they should", async () => {
        const samples = await samplesOf(folder, "continuations");
        assert.equal(samples.length, 4);
        const numRight = samples.filter(({ exact_match }) => exact_match === 1).length;
        assert(numRight >= 3, JSON.stringify(samples));
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
