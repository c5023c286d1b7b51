/**
 * What is said where a device cannot be used, does not suffice, or fails while it serves.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { readCudaDriver } from "../../ffi/cuda_driver.ts";
import { simulatorPath } from "../support/cuda_sim.ts";
import { MissionModels } from "../support/mission_models.ts";
import { ServerProcess } from "../support/server_process.ts";

const ignore = simulatorPath === undefined;
const hasDriver = !("missing" in readCudaDriver());

/** The last line of a start that fails with exit code 1 and no stack. */
async function failureOf(flags: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, log } = await ServerProcess.startAndFail(flags, { env });
  assert.equal(code, 1);
  assert.ok(!/^\s+at /m.test(log), `no stack:\n${log}`);
  const lines = log.trimEnd().split("\n");
  assert.equal(lines.filter((line) => line.startsWith("Error: ")).length, 1, log);
  return lines.at(-1)!;
}

Deno.test(
  { name: "cuda: a machine without a driver ends the start with that", ignore: hasDriver },
  async () => {
    await using models = await MissionModels.write();
    assert.equal(
      await failureOf(["--model-path", models.target, "--device", "cuda"]),
      "Error: Cannot use CUDA: no driver (libcuda.so.1 is not there)",
    );
  },
);

Deno.test({ name: "cuda-sim: what the device has not is refused with what it has", ignore }, async () => {
  await using models = await MissionModels.write();
  const flags = ["--model-path", models.target, "--device", "cuda-sim"];
  assert.equal(
    await failureOf([...flags, "--base-gpu-id", "2"], { AERIE_SIM_DEVICES: "2" }),
    "Error: Cannot use --base-gpu-id 2: there is no device of this number, the last device is 1",
  );
  const memory = { AERIE_SIM_MEMORY: `${400e6}` };
  assert.match(
    await failureOf([...flags, "--max-total-tokens", "100000000"], memory),
    /^Error: Cannot use --max-total-tokens 100000000: needs \d{12} bytes \(.* GB\), 400000000 bytes \(0\.37 GB\) are free on the device, --max-total-tokens \d{6} fits$/,
  );
  assert.match(
    await failureOf(flags, { AERIE_SIM_MEMORY: `${20e6}` }),
    /^Error: Cannot load .*target: needs \d+ bytes .*, 20000000 bytes .* free on the device, .*--max-running-requests/,
  );
  // Others may have taken what was free: of the weights, then of a graph.
  assert.match(
    await failureOf(flags, { ...memory, AERIE_SIM_FAIL: "cudaMalloc:9=2" }),
    /^Error: Cannot load .*target: out of memory: \d+ bytes, \d+ of the device's 400000000 are free, a smaller --mem-fraction-static or /,
  );
  assert.match(
    await failureOf(flags, { ...memory, AERIE_SIM_FAIL: "cudaGraphInstantiate:2=2" }),
    /^Error: Cannot capture cuda graph of 2 rows: .*out of memory; .*--mem-fraction-static .*--disable-cuda-graph/,
  );
});

Deno.test(
  { name: "cuda-sim: a device that fails ends what is in flight, and the server", ignore },
  async () => {
    await using models = await MissionModels.write();
    const flags = ["--model-path", models.target, "--device", "cuda-sim", "--skip-server-warmup"];
    // Four layers a forward: prompts are read, tokens of both are out.
    const env = { AERIE_SIM_MEMORY: `${400e6}`, AERIE_SIM_FAIL: "kernel:attend:120=719" };
    await using server = await ServerProcess.start(flags, { env });
    const post = (path: string, body: object) =>
      fetch(`${server.url}${path}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...body, temperature: 0, max_tokens: 200, ignore_eos: true }),
      });
    const [stream, whole] = await Promise.all([
      post("/v1/completions", { prompt: "the cat", stream: true }).then((response) => response.text()),
      post("/v1/completions", { prompt: "an engine" }).then(async (response) => [
        response.status,
        await response.json(),
      ]),
    ]);
    const events = stream.split("\n\n").filter((event) => event.startsWith("data: {"));
    assert.ok(events.length > 1 && events[0]!.includes('"choices"'), stream);
    const reason = /Actor verifier crashed: .*graph_launch.*CUDA error 719.*in kernel .*attend/;
    const { error } = JSON.parse(events.at(-1)!.slice("data: ".length));
    assert.equal(error.type, "server_error");
    assert.match(error.message, reason);
    const [status, body] = whole;
    assert.equal(status, 500);
    assert.equal(body.error.type, "server_error");
    assert.match(body.error.message, reason);
    const { code, log } = await server.exit;
    assert.equal(code, 1, "a supervisor starts it anew");
    assert.match(log, reason);
  },
);
