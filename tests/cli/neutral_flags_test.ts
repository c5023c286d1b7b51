/**
 * SGLang's flags: every one is known, and command lines for SGLang start.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { parseArgs, UsageError } from "../../cli/args.ts";
import { findOption } from "../../cli/command_line.ts";
import { type NeutralFlag, neutralFlag, neutralFlags } from "../../cli/neutral_flags.ts";
import { isSecret } from "../../cli/secrets.ts";
import { MISSION_ROWS } from "../support/mission_rows.ts";
import sglangFlags from "./sglang_flags.json" with { type: "json" };

function remarksOf(...argv: string[]): readonly string[] {
  const parsed = parseArgs(argv);
  assert.ok(parsed.type === "serve");
  return parsed.neutral;
}

/** A flag with a value, as it is written. */
function written({ names, takes }: NeutralFlag, value: string): string[] {
  const [name] = names;
  if (takes === "negatable") return [value === "false" ? name!.replace("--", "--no-") : name!];
  return takes === "switch" ? [name!] : [name!, value];
}

Deno.test("every flag of SGLang 0.5.23 is known", () => {
  assert.ok(sglangFlags.length > 500);
  const unknown = sglangFlags.filter((name) => !findOption(name) && !neutralFlag(name));
  assert.deepEqual(unknown, []);
});

Deno.test("no flag both acts and is without effect", () => {
  assert.deepEqual(neutralFlags.flatMap(({ names }) => names).filter((name) => findOption(name)), []);
});

Deno.test("no two flags without effect share a name", () => {
  const names = neutralFlags.flatMap(({ names }) => names);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("flags are accepted at neutral values, and refused by name and reason at others", () => {
  for (const flag of neutralFlags) {
    const [name] = flag.names;
    for (const value of flag.neutral ?? ["7"]) {
      const [remark] = remarksOf(...written(flag, value));
      assert.equal(remark, `${written(flag, value).join(" ")} has no effect: ${flag.reason}`);
    }
    if (flag.neutral === undefined) continue;
    const isOn = flag.takes === "negatable" && flag.neutral.includes("true");
    const other = written(flag, isOn ? "false" : "8191");
    const shown = isSecret(name!) ? [name, "******"] : other;
    assert.throws(
      () => parseArgs(other),
      (error: Error) =>
        error instanceof UsageError &&
        error.message.startsWith(`Cannot use ${shown.join(" ")}: ${flag.reason}`),
      other.join(" "),
    );
  }
});

Deno.test("the flags that clients' launchers write are accepted", () => {
  const argv = [
    ..."--tp 1 --tp-size=1 --dp 1 --pp-size 1 --ep-size 1 --nnodes 1 --node-rank 0".split(" "),
    ..."--dist-init-addr localhost:5000 --disaggregation-mode null --attention-backend fa3".split(" "),
    ..."--prefill-attention-backend flashinfer --decode-attention-backend triton".split(" "),
    ..."--sampling-backend pytorch --grammar-backend xgrammar --disable-jump-forward --disable-overlap-schedule"
      .split(" "),
    ..."--enable-mixed-chunk --watchdog-timeout 1000000 --tokenizer-mode auto --load-format auto".split(" "),
    ..."--model-impl auto --log-level-http warning --json-model-override-args {}".split(" "),
    ..."--enable-deterministic-inference --schedule-conservativeness 1.0 --numa-node 0 1".split(" "),
    ..."--num-continuous-decode-steps 4 --disable-custom-all-reduce --cuda-graph-bs 1 2 4".split(" "),
  ];
  const parsed = parseArgs([...argv, "--port", "1"]);
  assert.ok(parsed.type === "serve");
  assert.equal(parsed.args.port, 1, "no flag takes what belongs to the next");
  const refused = [
    "--tp 2",
    "--disaggregation-mode prefill",
    "--reasoning-parser gpt-oss",
    "--quantization bitsandbytes",
  ];
  refused.push("--kv-events-config {}", "--ssl-keyfile k", "--load-format dummy", "--skip-tokenizer-init");
  refused.push('--preferred-sampling-params {"top_k":1}', "--tool-call-parser pythonic", "--enable-lora");
  for (const flag of refused) {
    assert.throws(
      () => parseArgs(flag.split(" ")),
      (error: Error) => error.message.includes(`use ${flag}: `),
    );
  }
});

Deno.test("flags without effect want values as SGLang's do, and show no secret", () => {
  assert.throws(
    () => parseArgs(["--tp", "--port", "1"]),
    /^UsageError: Cannot use --tp: its value is missing$/,
  );
  assert.throws(() => parseArgs(["--enable-mixed-chunk=1"]), /--enable-mixed-chunk takes no value/);
  assert.deepEqual(remarksOf("--nccl-p=1"), remarksOf("--nccl-port", "1"));
  for (const secret of ["--admin-api-key", "--ssl-keyfile-password"]) {
    assert.throws(() => parseArgs([secret, "hidden"]), (error: Error) => !error.message.includes("hidden"));
  }
});

Deno.test("the mission's command lines are read as they are written", () => {
  for (const { name, line } of MISSION_ROWS) {
    const parsed = parseArgs(line.split(" "));
    assert.ok(parsed.type === "serve", name);
    const { args } = parsed;
    assert.match(args.modelPath!, /^[\w-]+\/[\w.-]+$/, name);
    const { speculativeNumSteps, speculativeEagleTopk, speculativeNumDraftTokens } = args;
    assert.ok(line.includes(`--speculative-num-steps ${speculativeNumSteps} `), name);
    assert.ok(line.includes(`--speculative-eagle-topk ${speculativeEagleTopk} `), name);
    assert.ok(line.includes(`--speculative-num-draft-tokens ${speculativeNumDraftTokens}`), name);
    if (line.includes("--mem-fraction ")) {
      assert.ok(line.includes(`--mem-fraction ${args.memFractionStatic}`), name);
    }
  }
});

Deno.test("a prefix of flags without effect is enough where it does not matter which is meant", () => {
  const parsed = parseArgs(["--triton-attention-num", "2", "--mem-fraction", "0.5", "--cuda-graph-max", "3"]);
  assert.equal(parsed.type, "serve");
  assert.match(
    parsed.neutral.join(),
    /^--triton-attention-num-kv-splits 2 has no effect: Aerie has its own kernels/,
  );
  assert.equal(parsed.args.memFractionStatic, 0.5);
  assert.equal(parsed.args.cudaGraphMaxBs, 3, "one that acts goes first");
  // They have not the same reason, or do not take the same.
  assert.throws(() => parseArgs(["--enable-torch"]), /Cannot tell which flag --enable-torch is/);
  assert.throws(() => parseArgs(["--cuda-graph-b", "2"]), /Cannot tell which flag --cuda-graph-b is/);
});
