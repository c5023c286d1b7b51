/**
 * The command line: what it accepts, what it refuses and what it says about that.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { describeArgs, parseArgs, UsageError } from "../../cli/args.ts";
import { flagGroups, flagSchema } from "../../cli/flags.ts";
import type { ServerArgs } from "../../runtime/contracts/server_args.ts";

/** The arguments of a command line that asks to serve. */
function argsOf(...argv: string[]): ServerArgs {
  const parsed = parseArgs(argv);
  assert.equal(parsed.type, "serve");
  return parsed.args;
}

/** The error about a command line. */
function faultOf(...argv: string[]): string {
  try {
    parseArgs(argv);
  } catch (error) {
    assert(error instanceof UsageError, String(error));
    assert(!error.message.includes("\n"), "the error is one line");
    return error.message;
  }
  assert.fail(`${argv.join(" ")} was accepted`);
}

Deno.test("parseArgs: no arguments give SGLang's defaults and leave the rest open", () => {
  const args = argsOf();
  assert.equal(args.host, "127.0.0.1");
  assert.equal(args.port, 30000);
  assert.equal(args.streamInterval, 1);
  assert.equal(args.decodeLogInterval, 40);
  for (const open of ["modelPath", "contextLength", "maxRunningRequests", "randomSeed", "apiKey"]) {
    assert(!(open in args), `${open} is not decided by the command line`);
  }
});

Deno.test("parseArgs: every flag arrives under its name", () => {
  const args = argsOf(
    ...["--model-path", "a.gguf", "--tokenizer-path", "t", "--served-model-name", "m", "--host", "0.0.0.0"],
    ...["--load-format", "gguf", "--quantization", "gguf"],
    ...["--port", "0", "--dtype", "bfloat16", "--context-length", "128", "--max-running-requests", "4"],
    ...["--max-total-tokens", "512", "--max-queued-requests", "0", "--mem-fraction-static", "0.5"],
    ...[
      "--page-size",
      "32",
      "--chunked-prefill-size",
      "-1",
      "--disable-radix-cache",
      "--allow-auto-truncate",
    ],
    ...["--max-queued-per-client", "-1", "--max-queued-tokens", "900", "--max-step-ms", "0"],
    ...[
      "--kv-cache-dtype",
      "float32",
      "--random-seed",
      "7",
      "--stream-interval",
      "3",
      "--log-level",
      "error",
    ],
    ...["--allowed-hosts", "a.example, b:80", "--cors-origins", "*", "--max-connections", "9"],
    ...["--timeout-headers", "1", "--timeout-body", "2", "--timeout-keep-alive", "3"],
    ...["--drain-timeout", "4"],
    ...["--decode-log-interval", "5", "--api-key", "k", "--device", "cuda-sim", "--threads", "2"],
    ...["--base-gpu-id", "1", "--cuda-graph-max-bs", "8", "--disable-cuda-graph"],
    ...[
      "--revision",
      "v1",
      "--weight-version",
      "w",
      "--sampling-defaults",
      "openai",
      "--root-path",
      "/a/",
      "--warmups",
      "chat,generate",
    ],
    ...["--log-requests", "--log-requests-level", "1", "--speculative-draft-model-revision", "refs/pr/1"],
    ...["--download-dir", "d", "--chat-template", "c", "--skip-server-warmup", "--enable-cache-report"],
    "--is-embedding",
    ...["--tokenize-timeout", "7", "--no-enable-metrics", "--no-ui"],
    ...["--schedule-policy", "lpm", "--schedule-conservativeness", "0.3", "--max-prefill-tokens", "900"],
    ...[
      "--speculative-algorithm",
      "EAGLE3",
      "--speculative-draft-model",
      "h",
      "--speculative-token-map",
      "f.pt",
    ],
    ...[
      "--speculative-num-steps",
      "5",
      "--speculative-eagle-topk",
      "8",
      "--speculative-num-draft-tokens",
      "64",
    ],
    ...["--speculative-accept-threshold-single", "0.5", "--speculative-accept-threshold-acc", "0.9"],
    ...[
      "--speculative-adaptive",
      "--speculative-ngram-match-type",
      "PROB",
      "--speculative-ngram-capacity",
      "99",
    ],
    ...["--speculative-ngram-min-bfs-breadth", "2", "--speculative-ngram-max-bfs-breadth", "3"],
    ...["--speculative-ngram-max-trie-depth", "9", "--speculative-synthetic-acceptance", "0.9,.5"],
    ...["--grammar-backend", "none", "--grammar-timeout", "3"],
    ...["--tool-call-parser", "llama3", "--reasoning-parser", "qwen3"],
  );
  assert.deepEqual(args, {
    modelPath: "a.gguf",
    revision: "v1",
    weightVersion: "w",
    samplingDefaults: "openai",
    isEmbedding: true,
    rootPath: "/a",
    ui: false,
    warmups: ["chat", "generate"],
    logRequests: true,
    logRequestsLevel: 1,
    speculativeDraftModelRevision: "refs/pr/1",
    tokenizerPath: "t",
    servedModelName: "m",
    host: "0.0.0.0",
    port: 0,
    dtype: "bfloat16",
    loadFormat: "gguf",
    quantization: "gguf",
    contextLength: 128,
    maxRunningRequests: 4,
    maxTotalTokens: 512,
    schedulePolicy: "lpm",
    scheduleConservativeness: 0.3,
    maxPrefillTokens: 900,
    maxQueuedRequests: 0,
    maxQueuedPerClient: -1,
    maxQueuedTokens: 900,
    maxStepMs: 0,
    memFractionStatic: 0.5,
    pageSize: 32,
    chunkedPrefillSize: -1,
    disableRadixCache: true,
    allowAutoTruncate: true,
    kvCacheDtype: "float32",
    randomSeed: 7,
    streamInterval: 3,
    tokenizeTimeout: 7,
    logLevel: "error",
    decodeLogInterval: 5,
    enableMetrics: false,
    apiKey: "k",
    allowedHosts: ["a.example", "b:80"],
    corsOrigins: ["*"],
    maxConnections: 9,
    timeoutHeaders: 1,
    timeoutBody: 2,
    timeoutKeepAlive: 3,
    drainTimeout: 4,
    grammarBackend: "none",
    grammarTimeout: 3,
    toolCallParser: "llama3",
    reasoningParser: "qwen3",
    device: "cuda-sim",
    baseGpuId: 1,
    cudaGraphMaxBs: 8,
    disableCudaGraph: true,
    threads: 2,
    downloadDir: "d",
    chatTemplate: "c",
    skipServerWarmup: true,
    enableCacheReport: true,
    speculativeAlgorithm: "EAGLE3",
    speculativeDraftModelPath: "h",
    speculativeTokenMap: "f.pt",
    speculativeNumSteps: 5,
    speculativeEagleTopk: 8,
    speculativeNumDraftTokens: 64,
    speculativeAcceptThresholdSingle: 0.5,
    speculativeAcceptThresholdAcc: 0.9,
    speculativeAdaptive: true,
    speculativeNgramMatchType: "PROB",
    speculativeNgramCapacity: 99,
    speculativeNgramMinBfsBreadth: 2,
    speculativeNgramMaxBfsBreadth: 3,
    speculativeNgramMaxTrieDepth: 9,
    speculativeSyntheticAcceptance: [0.9, 0.5],
  });
});

Deno.test("parseArgs: --model is --model-path, values may follow an equals sign, types have SGLang's names", () => {
  assert.equal(argsOf("--model", "x").modelPath, "x");
  assert.equal(argsOf("--model-path=a=b").modelPath, "a=b");
  assert.equal(argsOf("--dtype=half").dtype, "float16");
  assert.equal(argsOf("--dtype", "float").dtype, "float32");
});

Deno.test("parseArgs: a prefix stands for its flag as long as there is one such flag", () => {
  assert.equal(argsOf("--mem-fraction", "0.8").memFractionStatic, 0.8);
  assert.equal(argsOf("--chunked=64").chunkedPrefillSize, 64);
  assert.equal(argsOf("--model", "m", "--disable-radix").disableRadixCache, true);
  const fault = faultOf("--max", "3");
  for (const candidate of ["--max-running-requests", "--max-queued-requests", "--max-total-tokens"]) {
    assert(fault.includes(candidate), fault);
  }
});

Deno.test("parseArgs: a flag that acts goes before those without effect that begin alike", () => {
  assert.equal(argsOf("--tokenizer", "t").tokenizerPath, "t", "and not --tokenizer-mode");
  assert.equal(argsOf("--log-requests").logRequests, true, "and not --log-requests-format");
  assert.match(faultOf("--schedule-low"), /--schedule-low-priority-values-first.*no priorities/);
  assert.match(faultOf("--lora", "1"), /it could be --lora-backend, --lora-target-modules, /);
});

Deno.test("parseArgs: what looks like a flag is a flag only where a flag may stand", () => {
  assert.equal(argsOf("--chunked-prefill-size", "-1", "--port", "1").port, 1);
  assert.match(faultOf("--api-key", "--port", "1"), /^Cannot use --api-key: its value is missing$/);
});

Deno.test("parseArgs: unknown flags are refused with the nearest known one", () => {
  assert.match(faultOf("--prot", "1"), /--prot.*--port/);
  assert.match(faultOf("-x"), /-x/);
  assert.match(faultOf("model.gguf"), /model\.gguf/);
});

Deno.test("parseArgs: a wrong value is refused with the flag's name", () => {
  const wrong = [
    ["--port", "65536"],
    ["--port", "80.5"],
    ["--port", ""],
    ["--port", "0x50"],
    ["--dtype", "int8"],
    ["--context-length", "0"],
    ["--max-running-requests", "none"],
    ["--max-queued-requests", "-1"],
    ["--mem-fraction-static", "0"],
    ["--mem-fraction-static", "1.5"],
    ["--mem-fraction-static", "NaN"],
    ["--page-size", "1"],
    ["--page-size", "48"],
    ["--chunked-prefill-size", "0"],
    ["--chunked-prefill-size", "-2"],
    ["--kv-cache-dtype", "fp8_e5m2"],
    ["--random-seed", "4294967296"],
    ["--stream-interval", "0"],
    ["--sampling-defaults", "vllm"],
    ["--log-level", "loud"],
    ["--decode-log-interval", "0"],
    ["--device", "tpu"],
    ["--base-gpu-id", "-1"],
    ["--cuda-graph-max-bs", "0"],
    ["--cuda-graph-max-bs", "few"],
    ["--dtype", "fp16"],
    ["--threads", "0"],
    ["--schedule-policy", "lof"],
    ["--schedule-policy", "dfs-weight"],
    ["--schedule-policy", "first"],
    ["--grammar-backend", "outlines"],
    ["--grammar-backend", "magic"],
    ["--grammar-timeout", "0"],
    ["--schedule-conservativeness", "-1"],
    ["--schedule-conservativeness", "much"],
    ["--max-prefill-tokens", "0"],
    ["--model-path", ""],
    ["--revision", "../../x"],
    ["--root-path", "aerie"],
    ["--warmups", "voice_chat"],
    ["--log-requests-level", "4"],
  ] as const;
  for (const [flag, value] of wrong) {
    assert(faultOf(flag, value).startsWith(`Cannot use ${flag} ${value}: `), `${flag} ${value}`);
  }
  assert.match(faultOf("--port"), /--port: its value is missing/);
  assert.match(faultOf("--disable-radix-cache=no"), /--disable-radix-cache takes no value/);
});

Deno.test("parseArgs: a root path may end with a slash, and be none", () => {
  const cases = [["", ""], ["/", ""], ["/aerie/", "/aerie"], ["/a/b", "/a/b"]] as const;
  for (const [written, expected] of cases) assert.equal(argsOf("--root-path", written).rootPath, expected);
  assert.match(faultOf("--root-path", "//aerie"), /expected a path such as \/aerie$/);
});

Deno.test("parseArgs: counts of tokens are written as SGLang's argparse reads them", () => {
  const cases = [["4096", 4096], ["16k", 16_000], ["25.6k", 25_600], ["1.001k", 1001], ["8Ki", 8192], [
    "1Mi",
    2 ** 20,
  ]] as const;
  for (const [written, expected] of cases) {
    assert.equal(argsOf("--context-length", written).contextLength, expected);
    assert.equal(argsOf("--max-total-tokens", written).maxTotalTokens, expected);
    assert.equal(argsOf("--max-prefill-tokens", written).maxPrefillTokens, expected);
  }
  for (const written of ["16K", "1.5Ki", "k", "0.0001k", "-1k", "1 k", "9999999999T", "1e3", "."]) {
    assert.match(faultOf("--context-length", written), /^Cannot use --context-length .*: expected a whole/);
  }
  assert.match(faultOf("--chunked-prefill-size", "4k"), /expected a whole number/, "a plain one there too");
});

Deno.test("parseArgs: graphs have SGLang's newer names too, and none is another flag", () => {
  assert.equal(argsOf("--cuda-graph-max-bs-decode", "3").cudaGraphMaxBs, 3);
  assert.equal(argsOf("--disable-decode-cuda-graph").disableCudaGraph, true);
  assert.match(faultOf("--cuda-graph-max-bs", "0"), /--cuda-graph-max-bs 0: .* --disable-cuda-graph does/);
});

Deno.test("parseArgs: --trust-remote-code is accepted and remarked upon", () => {
  const parsed = parseArgs(["--trust-remote-code"]);
  assert.equal(parsed.type, "serve");
  assert.match(parsed.notes.join(), /--trust-remote-code/);
});

Deno.test("parseArgs: policies of SGLang's that are not built are distinguished from unknown words", () => {
  assert.match(
    faultOf("--schedule-policy", "random"),
    /policy of SGLang's is not built, expected fcfs or lpm/,
  );
  assert.doesNotMatch(faultOf("--schedule-policy", "first"), /not built/);
});

Deno.test("parseArgs: a policy that goes by a cache is remarked upon without one", () => {
  const notesOf = (...argv: string[]) => {
    const parsed = parseArgs(argv);
    return parsed.type === "serve" ? parsed.notes : undefined;
  };
  assert.match(notesOf("--schedule-policy", "lpm", "--disable-radix-cache")!.join(), /lpm is fcfs/);
  assert.deepEqual(notesOf("--schedule-policy", "lpm"), []);
  assert.deepEqual(notesOf("--disable-radix-cache"), []);
});

Deno.test("parseArgs: --help shows every flag in its group", () => {
  const parsed = parseArgs(["--help"]);
  assert.equal(parsed.type, "print");
  for (const [group, flags] of Object.entries(flagGroups)) {
    const start = parsed.text.indexOf(`\n${group}:\n`);
    assert(start >= 0, group);
    const section: string = parsed.text.slice(start).split("\n\n")[0]!;
    for (const { flags: notation, isHidden } of flags) {
      const isShown: boolean = section.includes(notation);
      assert.equal(isShown, isHidden !== true, notation);
    }
  }
});

Deno.test("parseArgs: what is on by default can be switched off, and on again", () => {
  assert.equal(argsOf().enableMetrics, true);
  assert.equal(argsOf("--enable-metrics").enableMetrics, true);
  assert.equal(argsOf("--no-enable-metrics", "--enable-metrics").enableMetrics, true);
});

Deno.test("flags: every flag that is read is also in a group, once, its negation aside", () => {
  const grouped = Object.values(flagGroups).flat().filter(({ flags }) => !flags.startsWith("--no-"))
    .map(({ name }) => name);
  assert.deepEqual(grouped.toSorted(), Object.keys(flagSchema.shape).toSorted());
});

Deno.test("describeArgs: shows all arguments as SGLang does, but not the key", () => {
  const line = describeArgs(argsOf("--model", "m", "--api-key", "secret", "--disable-radix-cache"));
  assert.match(line, /^server_args=ServerArgs\(model_path='m', .*\)$/);
  assert.match(line, /port=30000, /);
  assert.match(line, /context_length=None, /);
  assert.match(line, /disable_radix_cache=True, /);
  assert(!line.includes("secret"));
});
