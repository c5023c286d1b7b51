/**
 * @module
 */
import { strict as assert } from "node:assert";
import { parseScaleArgs, type ScaleOptions } from "../../scale/options.ts";
import { routerCommand, routers } from "../../scale/router.ts";

/** Variables, and which of them were taken out. */
function environmentOf(variables: Readonly<Record<string, string>>) {
  const left = new Map(Object.entries(variables));
  return {
    get: (name: string) => left.get(name),
    delete: (name: string) => void left.delete(name),
    toObject: () => Object.fromEntries(left),
  };
}

const noKey = environmentOf({});

function parse(...argv: string[]): ScaleOptions {
  const options = parseScaleArgs(argv, noKey);
  assert(typeof options !== "string");
  return options;
}

Deno.test("scale options: without flags, two workers behind smg share the CPUs", () => {
  const { workerFlags, ...own } = parse();
  assert.deepEqual(own, {
    numWorkers: 2,
    router: "smg",
    policy: "cache_aware",
    host: "127.0.0.1",
    port: 30000,
    drainTimeout: 30,
  });
  const threads = String(Math.max(1, Math.floor(navigator.hardwareConcurrency / 2)));
  assert.deepEqual(workerFlags, ["--threads", threads, "--max-queued-per-client", "-1"]);
});

Deno.test("scale options: own flags are taken out, others go to the workers as they are", () => {
  const { workerFlags, ...own } = parse(
    ...["--model-path", "m.gguf", "--workers", "3", "--drain-timeout=7", "--port", "0", "--threads", "4"],
    ...[
      "--router",
      "sglang-router",
      "--policy",
      "power_of_two",
      "--host",
      "::",
      "--max-queued-per-client",
      "9",
    ],
    ...["--skip-server-warmup", "--api-key", "k"],
  );
  assert.deepEqual(own, {
    numWorkers: 3,
    router: "sglang-router",
    policy: "power_of_two",
    host: "::",
    port: 0,
    apiKey: "k",
    drainTimeout: 7,
  });
  assert.deepEqual(workerFlags, [
    ...["--model-path", "m.gguf", "--drain-timeout=7", "--threads", "4", "--max-queued-per-client", "9"],
    "--skip-server-warmup",
  ]);
});

Deno.test("scale options: what cannot be used is named before anything starts", () => {
  const cases: [string[], RegExp][] = [
    [["--workers", "0"], /^Cannot use --workers: expected a whole number from 1 to 256$/],
    [["--router", "own"], /^Cannot use --router: expected smg or sglang-router$/],
    [["--policy", ""], /^Cannot use --policy: expected a text that is not empty$/],
    [["--no-such-flag"], /--no-such-flag/],
    [["--max-step-ms", "x"], /--max-step-ms x/],
    [["--por", "1"], /^Cannot use --port for workers: it is the fleet's, as a flag written in full$/],
    [["--api-key", "a", "--api-key-file", "b"], /--api-key is given too/],
  ];
  for (const [argv, expected] of cases) {
    assert.throws(() => parseScaleArgs(argv, noKey), { name: "UsageError", message: expected });
  }
});

Deno.test("scale options: --help lists the own flags", () => {
  const help = parseScaleArgs(["--help"], noKey);
  assert(typeof help === "string");
  for (const flag of ["--workers", "--router", "--policy", "--port", "serve.ts --help"]) {
    assert(help.includes(flag), help);
  }
});

Deno.test("scale options: --print-config shows the arguments of each worker, and not the key", () => {
  const shown = parseScaleArgs(["--print-config", "--stream-interval", "4", "--api-key", "sk-secret"], noKey);
  assert(typeof shown === "string");
  for (
    const line of ["stream-interval: 4  # flag: --stream-interval", "max-queued-per-client: -1  # default"]
  ) {
    assert(shown.split("\n").includes(line), shown);
  }
  assert(!shown.includes("sk-secret"));
});

Deno.test("scale options: the key of the environment reaches no command line", () => {
  const environment = environmentOf({ AERIE_API_KEY: "sk-secret" });
  const options = parseScaleArgs([], environment);
  assert(typeof options !== "string");
  assert.equal(options.apiKey, "sk-secret");
  assert.deepEqual(environment.toObject(), {}, "children get it from the fleet alone");
  const plan = { host: "h", port: 1, metricsPort: 2, policy: "p", workerUrls: ["http://w"], graceSeconds: 3 };
  const command = routerCommand(routers.smg, "python", plan);
  assert(!JSON.stringify([command, options.workerFlags]).includes("sk-secret"));
});

Deno.test("scale options: variables of serve.ts count as its flags do", () => {
  const environment = environmentOf({
    AERIE_FLAG_DRAIN_TIMEOUT: "5",
    AERIE_FLAG_THREADS: "3",
    AERIE_FLAG_API_KEY: "sk-flag",
  });
  const options = parseScaleArgs([], environment);
  assert(typeof options !== "string");
  assert.deepEqual([options.drainTimeout, options.apiKey], [5, "sk-flag"]);
  assert.deepEqual(options.workerFlags, ["--max-queued-per-client", "-1"]);
  assert.deepEqual(Object.keys(environment.toObject()), [
    "AERIE_FLAG_DRAIN_TIMEOUT",
    "AERIE_FLAG_THREADS",
  ]);
  assert.throws(() => parseScaleArgs([], environmentOf({ AERIE_FLAG_PORT: "8000" })), {
    name: "UsageError",
    message: /AERIE_FLAG_PORT/,
  });
});
