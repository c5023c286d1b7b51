// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * What routers and operators ask of the real server on the real model.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { basename, join } from "node:path";
import { eagle3Flags, needsModel } from "./support/model_file.ts";
import { ServerProcess } from "./support/server_process.ts";

const { ignore, path: modelPath } = needsModel();
const authorized = { Authorization: "Bearer secret", "Content-Type": "application/json" };

interface Asker {
  get(path: string): Promise<Response>;
  post(path: string, body?: object): Promise<Response>;
}

function askerOf({ url }: ServerProcess): Asker {
  return {
    get: (path) => fetch(url + path, { headers: authorized }),
    post: (path, body) =>
      fetch(url + path, { method: "POST", headers: authorized, body: JSON.stringify(body ?? {}) }),
  };
}

async function ok<T>(response: Promise<Response>): Promise<T> {
  const answered = await response, text = await answered.text();
  assert.equal(answered.status, 200, text);
  return JSON.parse(text) as T;
}

const tellLong = {
  text: "Once upon a time there was a lighthouse",
  sampling_params: { temperature: 0.8, sampling_seed: 5, max_new_tokens: 96, ignore_eos: true },
};

interface Generated {
  readonly text: string;
  readonly output_ids: readonly number[];
  readonly meta_info: { readonly finish_reason: { readonly type: string } };
}

interface Load {
  readonly num_reqs: number;
  readonly num_tokens: number;
}

/** Waits until the server has as many requests. */
async function untilLoad({ get }: Asker, isReached: (load: Load) => boolean): Promise<Load> {
  for (;;) {
    const [load] = await ok<[Load]>(get("/get_load"));
    if (isReached(load)) return load;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What a router learns of load, model and tokenizer. */
async function checkFacts({ get, post }: Asker, url: string, downloadDir: string): Promise<void> {
  for (const path of ["/health", "/v1/health", "/ready", "/ping"]) {
    const response = await fetch(url + path);
    await response.body?.cancel();
    assert.equal(response.status, 200, path);
  }
  const info = await ok<Record<string, unknown>>(get("/server_info"));
  assert.deepEqual(
    [info["tp_size"], info["dp_size"], info["disaggregation_mode"], info["max_model_len"]],
    [1, 1, "null", 2048],
  );
  const model = await ok<Record<string, unknown>>(get("/model_info"));
  assert.deepEqual([model["model_type"], model["architectures"]], ["llama", ["LlamaForCausalLM"]]);
  const folder = String(model["tokenizer_path"]);
  assert.equal(info["tokenizer_path"], folder);
  assert.ok(folder.startsWith(join(downloadDir, "folders")), folder);
  assert.deepEqual([info["model_path"], model["model_path"]], [folder, folder]);
  assert.deepEqual(
    [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted(),
    [basename(modelPath), "tokenizer.json", "tokenizer_config.json"],
  );

  const { loads: [load] } = await ok<{ loads: [Record<string, unknown>] }>(get("/v1/loads"));
  assert.deepEqual([load["num_total_reqs"], load["gen_throughput"]], [0, 0]);
  assert.ok((load["memory"] as { weight_gb: number }).weight_gb > 0);
  assert.equal((load["memory"] as { token_capacity: number }).token_capacity, load["max_total_num_tokens"]);

  const messages = [{ role: "user", content: "Hi" }];
  const { tokens } = await ok<{ tokens: number[] }>(post("/tokenize", { messages }));
  const rendered = await ok<{ token_ids: number[] }>(post("/v1/chat/completions/render", { messages }));
  assert.deepEqual(rendered.token_ids, tokens);
  const { text, prompt } = await ok<{ text: string; prompt: string }>(post("/detokenize", { tokens }));
  assert.ok(prompt.includes("<|im_start|>user\nHi<|im_end|>") && !text.includes("<|im_start|>"));

  // " Paris" and " London": both are one token.
  const labels = (await ok<{ tokens: number[][] }>(post("/tokenize", { prompt: [" Paris", " London"] })))
    .tokens.flat();
  assert.equal(labels.length, 2);
  const { scores: [[paris, london]] } = await ok<{ scores: [[number, number]] }>(post("/v1/score", {
    query: "The capital city of France",
    items: [" is"],
    label_token_ids: labels,
    apply_softmax: true,
  }));
  assert.ok(paris > london && Math.abs(paris + london - 1) < 1e-9);
}

/** Operators pause, set and profile; nothing is lost and no token changes. */
async function checkControl(asker: Asker, url: string, profileDir: string): Promise<void> {
  const { get, post } = asker;
  const expected = await ok<Generated>(post("/generate", tellLong));

  const started = await (await post("/start_profile", { output_dir: "night" })).text();
  for (const mode of ["retract", "in_place"]) {
    const running = ok<Generated>(post("/generate", tellLong));
    await untilLoad(asker, ({ num_reqs }) => num_reqs === 1);
    await ok(post("/pause_generation", { mode }));
    const waiting = ok<Generated>(post("/generate", tellLong));
    await untilLoad(asker, ({ num_reqs }) => num_reqs === 2);
    const [{ num_running }] = await ok<[{ num_running: number }]>(get("/get_internal_state"));
    assert.equal(num_running, mode === "retract" ? 0 : 1);
    const ready = await fetch(`${url}/ready`);
    await ready.body?.cancel();
    assert.equal(ready.status, 503);
    const flushed = await post("/flush_cache");
    await flushed.body?.cancel();
    assert.equal(flushed.status, mode === "retract" ? 200 : 400);
    await ok(post("/continue_generation"));
    for (const generated of [await running, await waiting]) {
      assert.deepEqual(generated.output_ids, expected.output_ids, mode);
    }
  }
  await (await post("/stop_profile")).body?.cancel();
  const path = /The file will be (\S+)/.exec(started)![1]!;
  assert.ok(path.startsWith(join(profileDir, "night")), path);
  const { traceEvents } = JSON.parse(await Deno.readTextFile(path));
  const names = new Set(traceEvents.map(({ name }: { name: string }) => name.replace(/ \d+$/, "")));
  for (const name of ["step", "draft", "forward", "commit"]) assert.ok(names.has(name), name);

  const running = ok<Generated>(
    post("/generate", { ...tellLong, sampling_params: { max_new_tokens: 1800, ignore_eos: true } }),
  );
  await untilLoad(asker, ({ num_reqs }) => num_reqs === 1);
  await ok(post("/pause_generation"));
  assert.equal((await running).meta_info.finish_reason.type, "abort");
  await untilLoad(asker, ({ num_reqs }) => num_reqs === 0);

  assert.deepEqual(
    await ok(
      post("/set_internal_state", { server_args: { max_queued_requests: 0, max_running_requests: 1 } }),
    ),
    [true],
  );
  const one = ok<Generated>(post("/generate", tellLong));
  await untilLoad(asker, ({ num_reqs }) => num_reqs === 1);
  const refused = await post("/generate", tellLong);
  await refused.body?.cancel();
  assert.equal(refused.status, 429);
  await ok(post("/continue_generation"));
  assert.deepEqual((await one).output_ids, expected.output_ids);
}

Deno.test({ name: "serve: what routers and operators ask", ignore }, async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    const profileDir = join(folder, "profiles"), downloadDir = join(folder, "downloads");
    await using server = await ServerProcess.start([
      ...["--model-path", modelPath, "--context-length", "2048", "--api-key", "secret"],
      ...["--profile-dir", profileDir, "--download-dir", downloadDir],
      ...eagle3Flags(3),
    ]);
    const asker = askerOf(server);
    await t.step(
      "routers learn the load, the model and its tokenizer",
      () => checkFacts(asker, server.url, downloadDir),
    );
    await t.step(
      "operators pause, set and profile; nothing is lost and no token changes",
      () => checkControl(asker, server.url, profileDir),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
