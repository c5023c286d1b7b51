/**
 * guidellm and aiperf against the real server, with the tokenizer it names and its metrics, asking no other host. Not
 * part of the tests: `deno task test:load-clients` installs 6 GB into `build/load-clients` first.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { clientsFolder, runClient } from "../support/client_programs.ts";
import { apiKey, servedModel as model, startForClients } from "../support/client_server.ts";

const environment = join(clientsFolder, "..", "..", "build", "load-clients");
const numRequests = 10;

/** Nobody answers there; aiperf's own offline mode takes no folder for a tokenizer. */
const NO_HUB = { HF_ENDPOINT: "http://127.0.0.1:9" };

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await runClient(program, args, { env: NO_HUB, cwd });
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

async function install(): Promise<void> {
  if (existsSync(join(environment, "bin", "aiperf"))) return;
  await run("python3", ["-m", "venv", environment], clientsFolder);
  const requirements = ["-r", "requirements-load.txt"];
  await run(
    join(environment, "bin", "python"),
    ["-m", "pip", "install", "-q", ...requirements],
    clientsFolder,
  );
}

async function readJson(...path: string[]) {
  return JSON.parse(await Deno.readTextFile(join(...path)));
}

Deno.test("load clients: guidellm and aiperf measure the server", async (t) => {
  await install();
  const folder = await Deno.makeTempDir();
  try {
    await using server = await startForClients();
    const response = await fetch(`${server.url}/get_model_info`, {
      headers: { Authorization: `Bearer ${apiKey}` },
    });
    const { tokenizer_path: tokenizer } = await response.json();

    await t.step("guidellm", async () => {
      const report = join(folder, "guidellm.json");
      await run(join(environment, "bin", "guidellm"), [
        "run",
        "--backend",
        `kind=openai_http,target=${server.url},model=${model},api_key=${apiKey}`,
        "--profile",
        "kind=concurrent,streams=2",
        "--constraint",
        `kind=max_requests,count=${numRequests}`,
        "--tokenizer",
        `kind=hf_auto,model=${tokenizer}`,
        "--data",
        "kind=synthetic_text,prompt_tokens=32,output_tokens=16",
        "--output",
        `kind=json,path=${report}`,
        "--disable-console-interactive",
      ], folder);
      const { benchmarks: [{ metrics }] } = await readJson(report);
      const { successful, errored } = metrics.request_totals;
      assert.deepEqual([successful, errored], [numRequests, 0]);
      assert.equal(metrics.output_token_count.successful.mean, 16);
    });

    await t.step("aiperf, which reads the server's metrics", async () => {
      const artifacts = join(folder, "aiperf");
      const load = [
        "--concurrency",
        "2",
        "--request-count",
        String(numRequests),
        "--isl",
        "32",
        "--osl",
        "16",
      ];
      await run(join(environment, "bin", "aiperf"), [
        "profile",
        ...["--url", server.url, "--model", model, "--api-key", apiKey, "--tokenizer", tokenizer],
        ...["--endpoint-type", "chat", "--streaming", ...load],
        ...["--ui", "none", "--no-gpu-telemetry", "--artifact-dir", artifacts],
      ], folder);
      const { request_count, error_summary } = await readJson(artifacts, "profile_export_aiperf.json");
      assert.deepEqual([request_count.avg, error_summary], [numRequests, []]);
      const { summary, metrics } = await readJson(artifacts, "server_metrics_export.json");
      assert.deepEqual(summary.endpoints_successful, [`${server.url}/metrics`]);
      const { series } = metrics["sglang:e2e_request_latency_seconds"];
      const counts: number[] = series.map(({ stats }: { stats: { count: number } }) => stats.count);
      assert(Math.max(...counts) > 0, JSON.stringify(series));
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
