/**
 * Runs every test: first, as many at once as there are cores, the folders whose tests only compute; then all others,
 * which bound times or memory of servers, with the machine to themselves. The last line adds the runs up, in the words of
 * `deno test`.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- prints what tests say
import { join } from "node:path";

const root = join(import.meta.dirname!, "..");

/** Tests that do not mind what else runs; a row is one process, and those that take longest come first. */
const COMPUTING: readonly (readonly string[])[] = [
  ["tests/kernels/cuda"],
  ["tests/runtime/speculation"],
  ["tests/kernels"],
  ["tests/runtime/weights"],
  ["tests/runtime/tokenizer"],
  ["tests/kernels/sim", "tests/gpu_check"],
  ["tests/runtime/models", "tests/runtime/nn", "tests/runtime/architectures", "tests/runtime/jinja"],
  ["tests/train", "tests/lint", "tests/docs", "tests/mutants"],
];

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

/**
 * Runs the tests of some paths but those that other rows name. What they say is printed when they have ended, or as it comes
 * if they are alone.
 */
async function run(paths: readonly string[], { isAlone = false } = {}): Promise<Counts> {
  const others = COMPUTING.flat().filter((path) => !paths.includes(path));
  const ignored = others.filter((path) => paths.some((own) => path.startsWith(`${own}/`)));
  const args = ["test", "-A", "--quiet", ...ignored.map((path) => `--ignore=${path}`), ...paths];
  const child = new Deno.Command(Deno.execPath(), { args, cwd: root, stdin: "null", stdout: "piped" })
    .spawn();
  const title = `== ${paths.join(" ")}`, decoder = new TextDecoder();
  if (isAlone) console.log(title);
  let output = "";
  for await (const piece of child.stdout) {
    for (let sent = isAlone ? 0 : piece.length; sent < piece.length;) {
      sent += Deno.stdout.writeSync(piece.subarray(sent));
    }
    output += decoder.decode(piece, { stream: true });
  }
  if (!isAlone) console.log(`${title}\n${output}`);
  return countsOf(output, (await child.status).code);
}

/** What the summary of a run says; a run that failed without a summary, or without a failed test, is one failure. */
function countsOf(output: string, code: number): Counts {
  // deno-lint-ignore no-control-regex -- colours
  const plain = output.replaceAll(/\x1b\[[0-9;]*m/g, "");
  const numberOf = (word: string) =>
    Number(plain.match(new RegExp(`^(?:ok|FAILED) \\|.*?(\\d+) ${word}`, "m"))?.[1] ?? 0);
  const failed = numberOf("failed");
  return {
    passed: numberOf("passed"),
    failed: code !== 0 ? Math.max(1, failed) : failed,
    ignored: numberOf("ignored"),
  };
}

const begun = performance.now(), queue = [...COMPUTING], counts: Counts[] = [];

/** Takes rows off the queue until none is left. */
async function work(): Promise<void> {
  for (let paths = queue.shift(); paths !== undefined; paths = queue.shift()) counts.push(await run(paths));
}

await Promise.all(Array.from({ length: Math.min(navigator.hardwareConcurrency, COMPUTING.length) }, work));
counts.push(await run(["tests"], { isAlone: true }));

const sum = (name: keyof Counts) => counts.reduce((total, one) => total + one[name], 0);
const minutes = ((performance.now() - begun) / 60_000).toFixed(0);
const failed = sum("failed");
console.log(
  `${failed === 0 ? "ok" : "FAILED"} | ${sum("passed")} passed | ${failed} failed | ${
    sum("ignored")
  } ignored (${minutes}m)`,
);
Deno.exit(failed === 0 ? 0 : 1);
