// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * The real server, started as launchers, containers and SGLang's users start it.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { MissionModels } from "./support/mission_models.ts";
import { MISSION_ROWS } from "./support/mission_rows.ts";
import { needsModel } from "./support/model_file.ts";
import { ServerProcess } from "./support/server_process.ts";

const { ignore, path: modelPath } = needsModel();
const root = join(import.meta.dirname!, "..");
const EAGLE2 = join(root, "heads", "eagle2-smollm2-135m"),
  EAGLE3 = join(root, "heads", "eagle3-smollm2-135m");
const TOKEN_MAP = join(root, "heads", "token-map-smollm2-135m", "freq_32768.json");
const prompt = { prompt: "The capital city of France is", temperature: 0, max_tokens: 8 };

/** A line with names of the hub replaced by what lies here. */
function localLine(line: string): string[] {
  const flags = line.split(" ");
  const replace = (name: string, value: string) => {
    const at = flags.indexOf(name);
    if (at >= 0) flags[at + 1] = value;
  };
  replace("--model", modelPath);
  replace("--model-path", modelPath);
  replace("--host", "127.0.0.1");
  replace("--speculative-token-map", TOKEN_MAP);
  const head = line.includes("EAGLE3") ? EAGLE3 : EAGLE2;
  replace("--speculative-draft-model-path", head);
  return [...flags, "--context-length", "512"];
}

async function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

/** Standard output, standard error and exit code of `serve.ts`. */
async function run(flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const args = ["run", "-A", join(root, "serve.ts"), ...flags];
  const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), { args, env }).output();
  return { code, out: new TextDecoder().decode(stdout), log: new TextDecoder().decode(stderr) };
}

for (const { name, line } of MISSION_ROWS) {
  // The default model is a Llama; a MiMo has its head in its own files.
  const isMimo = line.includes("MiMo");
  Deno.test(
    { name: `serve: the mission's command line for ${name} starts and answers`, ignore: ignore && !isMimo },
    async () => {
      await using models = isMimo ? await MissionModels.write() : undefined;
      const args = models?.argumentsOf(line) ?? localLine(line);
      await using server = await ServerProcess.start(args);
      const response = await post(`${server.url}/v1/completions`, {
        ...prompt,
        model: models?.mimo ?? modelPath,
      });
      const { choices } = await response.json();
      assert.equal(response.status, 200);
      assert.match(choices[0].text, /\S/);
      for (const flag of ["--cuda-graph-max-bs", "--enable-torch-compile", "--trust-remote-code"]) {
        if (line.includes(flag)) assert.ok(server.log.some((entry) => entry.includes(flag)), flag);
      }
      if (isMimo) assert.ok(server.log.some((entry) => entry.includes("Load draft head end. type=mtp")));
    },
  );
}

Deno.test(
  { name: "serve: flags from environment and file, requests logged below a root path", ignore },
  async () => {
    const config = await Deno.makeTempFile({ suffix: ".yaml" });
    try {
      await Deno.writeTextFile(
        config,
        `model-path: ${modelPath}
context-length: 512
served-model-name: of-the-file
log-requests: true
log-requests-level: 1
warmups: [chat, completions]
tp-size: 1
enable-metrics: false
root-path: /aerie
`,
      );
      const env = {
        AERIE_FLAG_SERVED_MODEL_NAME: "of-the-environment",
        AERIE_FLAG_API_KEY: "sk-variable",
        AERIE_PORT: "tcp://10.0.0.1:80",
      };
      await using server = await ServerProcess.start(["--config", config], { env });
      const authorized = { Authorization: "Bearer sk-variable" };
      const url = `${server.url}/aerie/v1/completions`;
      const response = await post(url, { ...prompt, model: "of-the-environment" }, authorized);
      const { model, usage } = await response.json();
      assert.equal(model, "of-the-environment");
      const denied = await post(url, prompt);
      await denied.body?.cancel();
      assert.equal(denied.status, 401);
      const metrics = await fetch(`${server.url}/metrics`);
      assert.equal(metrics.status, 404);
      assert.match(await metrics.text(), /--no-enable-metrics/);
      const log = server.log.join("\n");
      for (const path of ["/generate", "/v1/chat/completions", "/v1/completions"]) {
        assert.ok(log.includes(`Warm-up request: "POST ${path} HTTP/1.1" 200 OK`), log);
      }
      assert.ok(log.includes("tp-size 1 has no effect: "), log);
      const line = server.log.findLast((entry) => entry.includes("Finish: obj="))!;
      assert.ok(line.includes('"path":"/v1/completions"'), line);
      assert.ok(line.includes(`"completion_tokens":${usage.completion_tokens},`), line);
      assert.ok(!log.includes("sk-variable") && !log.includes("Paris"), log);

      const printed = await run(["--config", config, "--print-config", "--port", "7"], env);
      assert.equal(printed.code, 0, printed.log);
      assert.equal(printed.log, "");
      for (
        const entry of [
          "port: 7  # flag: --port",
          'served-model-name: "of-the-environment"  # environment: AERIE_FLAG_SERVED_MODEL_NAME',
          '# api-key: "******"  # environment: AERIE_FLAG_API_KEY',
          `root-path: "/aerie"  # file: ${config}: root-path`,
        ]
      ) assert.ok(printed.out.split("\n").includes(entry), `${entry} is not in\n${printed.out}`);
      assert.ok(!printed.out.includes("sk-variable"));
    } finally {
      await Deno.remove(config);
    }
  },
);

Deno.test("serve: flags that cannot be used end the start with one line, wherever they are from", async () => {
  const cases: [flags: string[], env: Record<string, string>, expected: string][] = [
    [["--tp", "2"], {}, "Error: Cannot use --tp 2: one process runs one model on one device, expected 1\n"],
    [
      [],
      { AERIE_FLAG_PROT: "1" },
      "Error: Cannot use AERIE_FLAG_PROT: there is no flag --prot (Did you mean --port?)\n",
    ],
    [["--config", "/no/such.yaml"], {}, "Error: Cannot use --config /no/such.yaml: ENOENT"],
  ];
  for (const [flags, env, expected] of cases) {
    const { code, log } = await run(flags, env);
    assert.equal(code, 1);
    assert.equal(log.slice(0, expected.length), expected);
    assert.equal(log.trimEnd().split("\n").length, 1, log);
  }
});
