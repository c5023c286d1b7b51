import assert from "node:assert/strict";
import { join } from "node:path";
import { withApiKey } from "../../cli/api_key.ts";
import { parseArgs, UsageError } from "../../cli/args.ts";
import { mkfifoIn } from "../support/fifo.ts";

/** What comes of flags and a variable. */
function keyOf(flags: readonly string[], variable?: string) {
  const parsed = parseArgs(flags);
  assert.ok(parsed.type === "serve");
  const values = new Map(variable === undefined ? [] : [["AERIE_API_KEY", variable]]);
  const environment = {
    get: (name: string) => values.get(name),
    delete: (name: string) => void values.delete(name),
  };
  const { args, notes } = withApiKey(parsed.args, environment);
  assert.equal(values.size, 0, "no child process gets it");
  return { apiKey: args.apiKey, notes };
}

async function withFile(content: string, body: (path: string) => void): Promise<void> {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, content);
  try {
    body(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("the API key comes from a flag, a file or the environment, in this order", async () => {
  assert.deepEqual(keyOf([]), { apiKey: undefined, notes: [] });
  assert.deepEqual(keyOf(["--api-key", "flag"]), { apiKey: "flag", notes: [] });
  assert.deepEqual(keyOf([], "variable"), { apiKey: "variable", notes: [] });
  assert.deepEqual(keyOf(["--api-key", "flag"], "variable"), {
    apiKey: "flag",
    notes: ["AERIE_API_KEY is not used: --api-key is given"],
  });
  await withFile("file-key\n", (path) => {
    assert.deepEqual(keyOf(["--api-key-file", path]), { apiKey: "file-key", notes: [] });
    assert.deepEqual(keyOf(["--api-key-file", path], "variable"), {
      apiKey: "file-key",
      notes: ["AERIE_API_KEY is not used: --api-key-file is given"],
    });
    assert.throws(
      () => keyOf(["--api-key-file", path, "--api-key", "flag"]),
      new UsageError("Cannot use --api-key-file: --api-key is given too"),
    );
  });
  await withFile("file-key\r\n", (path) => assert.equal(keyOf(["--api-key-file", path]).apiKey, "file-key"));
});

Deno.test("a key that is empty, hidden or of several lines is refused, and not shown", async () => {
  assert.throws(() => keyOf([], ""), new UsageError("Cannot use AERIE_API_KEY: it is empty"));
  for (const bad of ["a b", "a\nb", "\u00e9", "key\n"]) {
    assert.throws(() => keyOf([], bad), /Cannot use AERIE_API_KEY: expected one line of printable ASCII/);
    assert.throws(() => keyOf(["--api-key", bad]), /Cannot use --api-key: expected one line of printable/);
  }
  for (
    const [content, expected] of [["", /it is empty/], ["\n", /it is empty/], [
      "one\ntwo\n",
      /one line/,
    ]] as const
  ) {
    await withFile(content, (path) => {
      assert.throws(() => keyOf(["--api-key-file", path]), expected);
      assert.throws(
        () => keyOf(["--api-key-file", path]),
        (error: Error) => !/one\s|two/.test(error.message.replace("one line", "")),
      );
    });
  }
  const folder = await Deno.makeTempDir();
  try {
    const fifo = await mkfifoIn(folder, "key");
    for (const path of [fifo, folder, join(folder, "none"), "/dev/zero"]) {
      assert.throws(() => keyOf(["--api-key-file", path]), /^UsageError: Cannot use --api-key-file /);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("child processes do not get the key", async () => {
  Deno.env.set("AERIE_API_KEY", "sk-variable");
  const parsed = parseArgs([]);
  assert.ok(parsed.type === "serve");
  assert.equal(withApiKey(parsed.args).args.apiKey, "sk-variable");
  const { stdout } = await new Deno.Command("env").output();
  assert.ok(!new TextDecoder().decode(stdout).includes("sk-variable"));
});
