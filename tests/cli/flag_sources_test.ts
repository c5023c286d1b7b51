/**
 * Flags from the environment and from files, and which of them go first.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { describeConfig, parseArgs, type ParsedArgs, UsageError } from "../../cli/args.ts";
import { withApiKey } from "../../cli/api_key.ts";

/** An environment of its own. */
function environmentOf(variables: Readonly<Record<string, string>>) {
  const values = new Map(Object.entries(variables));
  return {
    get: (name: string) => values.get(name),
    delete: (name: string) => void values.delete(name),
    toObject: () => Object.fromEntries(values),
  };
}

function parse(argv: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const parsed: ParsedArgs = parseArgs(argv, environmentOf(variables));
  assert.ok(parsed.type === "serve");
  return parsed;
}

/** The error about flags from anywhere. */
function faultOf(argv: readonly string[], variables: Readonly<Record<string, string>> = {}): string {
  try {
    parse(argv, variables);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    assert.ok(!error.message.includes("\n"), "the error is one line");
    return error.message;
  }
  assert.fail("it was accepted");
}

/** Runs `body` with a file for `--config`. */
function withConfig(content: string | Uint8Array, body: (path: string) => void): void {
  const path = Deno.makeTempFileSync({ suffix: ".yaml" });
  try {
    Deno.writeFileSync(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    body(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("a file maps flags to values, with dashes or underscores, as they are written", () => {
  const content = `
model-path: m.gguf # a remark
max_running_requests: 4
weight-version: 1.10
served-model-name: 007
disable-radix-cache: true
skip-server-warmup: false
allowed-hosts: [a.example, b.example]
warmups: []
revision: null
tp-size: 1
enable-lora: false
no-dllm-fdfo: false
`;
  withConfig(content, (path) => {
    const { args, neutral } = parse(["--config", path]);
    assert.equal(args.modelPath, "m.gguf");
    assert.equal(args.maxRunningRequests, 4);
    assert.equal(args.weightVersion, "1.10");
    assert.equal(args.disableRadixCache, true);
    assert.equal(args.skipServerWarmup, false);
    assert.deepEqual(args.allowedHosts, ["a.example", "b.example"]);
    assert.ok(!("warmups" in args) && !("revision" in args));
    assert.deepEqual(neutral, [
      `${path}: tp-size 1 has no effect: one process runs one model on one device`,
      `${path}: no-dllm-fdfo false has no effect: models of that kind are not served yet`,
    ]);
  });
  withConfig("", (path) => assert.equal(parse(["--config", path]).args.port, 30000));
});

Deno.test("variables that begin with AERIE_FLAG_ are flags, and no other is", () => {
  const environment = environmentOf({
    AERIE_FLAG_MAX_RUNNING_REQUESTS: "8",
    AERIE_FLAG_DISABLE_RADIX_CACHE: "yes",
    AERIE_FLAG_ENABLE_CACHE_REPORT: "0",
    AERIE_FLAG_MODEL: "m",
    AERIE_FLAG_ATTENTION_BACKEND: "flashinfer",
    AERIE_PORT: "tcp://10.0.0.1:80",
    AERIE_SERVICE_PORT: "80",
    AERIE_LIBRARY: "lib.so",
  });
  const parsed = parseArgs([], environment);
  assert.ok(parsed.type === "serve");
  const { args, neutral } = parsed;
  assert.deepEqual(
    [args.maxRunningRequests, args.disableRadixCache, args.enableCacheReport, args.modelPath, args.port],
    [8, true, false, "m", 30000],
  );
  assert.match(neutral.join(), /^AERIE_FLAG_ATTENTION_BACKEND flashinfer has no effect: /);
  assert.deepEqual(Object.keys(environment.toObject()), [
    "AERIE_PORT",
    "AERIE_SERVICE_PORT",
    "AERIE_LIBRARY",
  ]);
});

Deno.test("the command line goes before the environment, and that before the file", () => {
  withConfig("port: 1\nstream-interval: 1\ndecode-log-interval: 1\n", (path) => {
    const variables = { AERIE_FLAG_CONFIG: path, AERIE_FLAG_PORT: "2", AERIE_FLAG_STREAM_INTERVAL: "2" };
    const { args, origins } = parse(["--port", "3"], variables);
    assert.deepEqual([args.port, args.streamInterval, args.decodeLogInterval], [3, 2, 1]);
    assert.deepEqual(origins.port, { kind: "flag", name: "--port" });
    assert.deepEqual(origins.streamInterval, { kind: "environment", name: "AERIE_FLAG_STREAM_INTERVAL" });
    assert.deepEqual(origins.decodeLogInterval, { kind: "file", name: `${path}: decode-log-interval` });
    assert.equal(
      parse(["--disable-radix-cache"], { AERIE_FLAG_DISABLE_RADIX_CACHE: "0" }).args.disableRadixCache,
      true,
    );
  });
});

Deno.test("of a flag without effect the value counts that goes first", () => {
  withConfig("tp: 4\nenable-lora: true\nenable-mixed-chunk: true\n", (path) => {
    const variables = { AERIE_FLAG_ENABLE_LORA: "false", AERIE_FLAG_TENSOR_PARALLEL_SIZE: "2" };
    const { neutral } = parse(["--config", path, "--tp-size", "1"], variables);
    assert.deepEqual(neutral.map((remark) => remark.split(" has ")[0]), [
      "--tp-size 1",
      `${path}: enable-mixed-chunk true`,
    ]);
    assert.match(faultOf(["--config", path], variables), /^Cannot use AERIE_FLAG_TENSOR_PARALLEL_SIZE 2: /);
  });
});

Deno.test("what is wrong in the environment is refused with its variable", () => {
  const fault = (name: string, value: string) => faultOf([], { [name]: value });
  assert.equal(
    fault("AERIE_FLAG_PORT", "tcp://10.0.0.1:80"),
    "Cannot use AERIE_FLAG_PORT tcp://10.0.0.1:80: expected a whole number from 0 to 65535",
  );
  assert.equal(
    fault("AERIE_FLAG_MAX_RUNING_REQUESTS", "1"),
    "Cannot use AERIE_FLAG_MAX_RUNING_REQUESTS: there is no flag --max-runing-requests (Did you mean --max-running-requests?)",
  );
  assert.equal(fault("AERIE_FLAG_", "1"), "Cannot use AERIE_FLAG_: there is no flag --");
  assert.match(fault("AERIE_FLAG_VERSION", "true"), /no flag --version/);
  assert.match(fault("AERIE_FLAG_MEM_FRACTION", "1"), /no flag --mem-fraction/, "whole names only");
  assert.match(fault("AERIE_FLAG_DISABLE_RADIX_CACHE", "maybe"), /expected true or false/);
  assert.match(fault("AERIE_FLAG_TP", "2"), /^Cannot use AERIE_FLAG_TP 2: one process /);
  assert.equal(
    faultOf([], { AERIE_FLAG_MODEL: "a", AERIE_FLAG_MODEL_PATH: "b" }),
    "Cannot use AERIE_FLAG_MODEL_PATH: AERIE_FLAG_MODEL says the same flag",
  );
});

Deno.test("what is wrong in a file is refused with file and key", () => {
  const cases: [content: string, expected: RegExp][] = [
    ["port: 99999", /^Cannot use .*\.yaml: port 99999: expected a whole number/],
    ["prot: 1", /^Cannot use .*\.yaml: prot: there is no flag --prot \(Did you mean --port\?\)$/],
    ["port: true", /^Cannot use .*\.yaml: port: --port takes a value$/],
    ["disable-radix-cache: 7", /^Cannot use .*\.yaml: disable-radix-cache: expected true or false$/],
    ["tp: 2", /^Cannot use .*\.yaml: tp 2: one process /],
    ["port: 1\nport: 2", /^Cannot use (.*\.yaml): port: \1: port says the same flag$/],
    ["tp: 2\ntensor-parallel-size: 1", /tensor-parallel-size: .*: tp says the same flag$/],
    ["api-key: { a: sk }", /api-key: --api-key takes no mapping$/],
    ["allowed-hosts: { a: b }", /allowed-hosts: --allowed-hosts takes no mapping$/],
    [Array.from({ length: 50_000 }, (_, n) => `k${n}: 1`).join("\n"), /k0: there is no flag --k0/],
    ["model: a\nmodel-path: b", /model-path: .*: model says the same flag$/],
    ["- port", /expected names of flags with their values$/],
    ["port", /expected names of flags with their values$/],
    ["a: &x [1]\nb: *x", /alias/],
    ["allowed-hosts: [[a]]", /allowed-hosts: expected a list of texts$/],
    ["config: other.yaml", /config: one file is all$/],
    ["port: [", /^Cannot use --config /],
  ];
  for (const [content, expected] of cases) {
    withConfig(content, (path) => assert.match(faultOf(["--config", path]), expected, content));
  }
  assert.match(faultOf(["--config", "/no/such.yaml"]), /^Cannot use --config \/no\/such\.yaml: /);
  assert.match(faultOf(["--config", "/dev/zero"]), /it is not a file$/);
  withConfig(new TextEncoder().encode("revision: caf").with(12, 0xe9), (path) => {
    assert.match(faultOf(["--config", path]), /^Cannot use --config .*: it is not UTF-8$/);
  });
});

Deno.test("the API key follows the same order, whatever its form", () => {
  const keyOf = (argv: readonly string[], variables: Readonly<Record<string, string>>) => {
    const environment = environmentOf(variables);
    const parsed = parseArgs(argv, environment);
    assert.ok(parsed.type === "serve");
    const { args, notes } = withApiKey(parsed.args, environment, parsed.origins);
    assert.deepEqual(environment.toObject(), {}, "no child process gets it");
    return [args.apiKey, ...notes];
  };
  assert.deepEqual(keyOf([], { AERIE_FLAG_API_KEY: "sk-flag" }), ["sk-flag"]);
  assert.throws(
    () => keyOf([], { AERIE_FLAG_API_KEY: "sk-flag", AERIE_API_KEY: "sk" }),
    new UsageError("Cannot use AERIE_API_KEY: AERIE_FLAG_API_KEY is given too"),
  );
  withConfig("api-key: sk-file\n", (path) => {
    const argv = ["--config", path];
    assert.deepEqual(keyOf(argv, {}), ["sk-file"]);
    assert.deepEqual(keyOf(argv, { AERIE_API_KEY: "sk" }), [
      "sk",
      `${path}: api-key is not used: AERIE_API_KEY is given`,
    ]);
    withConfig("sk-other", (keyPath) => {
      assert.deepEqual(keyOf([...argv, "--api-key-file", keyPath], {}), ["sk-other"]);
    });
  });
});

Deno.test("--print-config shows values with their origins, and is a file for --config", () => {
  withConfig("stream-interval: 4\nallowed-hosts: [a, b]\napi-key: sk-secret\n", (path) => {
    const { args, origins, neutral, printConfig } = parse(
      ["--config", path, "--print-config", "--port", "7", "--tp", "1", "--api-key-file", "k"],
      { AERIE_FLAG_SPECULATIVE_ADAPTIVE: "true" },
    );
    assert.equal(printConfig, true);
    const shown = describeConfig({ ...args, apiKey: "sk-secret" }, origins, neutral);
    const lines = shown.split("\n");
    for (
      const line of [
        "port: 7  # flag: --port",
        `stream-interval: 4  # file: ${path}: stream-interval`,
        "speculative-adaptive: true  # environment: AERIE_FLAG_SPECULATIVE_ADAPTIVE",
        'host: "127.0.0.1"  # default',
        "# max-total-tokens:  # default",
        "# --tp 1 has no effect: one process runs one model on one device",
      ]
    ) assert.ok(lines.includes(line), `${line} is not in\n${shown}`);
    assert.ok(!shown.includes("sk-secret"));
    withConfig(shown, (printed) => {
      assert.deepEqual(parse(["--config", printed]).args, args);
    });
  });
});
