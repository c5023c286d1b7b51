/**
 * The library's public surface: its example works, and its names are few.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { LoggedProcess } from "./support/logged_process.ts";
import { writeTinyModel } from "./support/tiny_model.ts";

const root = join(import.meta.dirname!, "..");
const MAX_NAMES = 58;

/** The first example in the comment of `mod.ts`. */
function example(): string {
  const [, text] = /^ \* ```ts\n([^]*?)^ \* ```$/m.exec(Deno.readTextFileSync(join(root, "mod.ts")))!;
  return text!.replaceAll(/^ \* ?/gm, "");
}

Deno.test("the example of mod.ts serves the model in model.gguf", async () => {
  const folder = await Deno.makeTempDir({ prefix: "aerie-example-" });
  try {
    const model = await writeTinyModel(folder, { kind: "gguf", seed: 1, config: { headDim: 32 } });
    await Deno.rename(model, join(folder, "model.gguf"));
    await Deno.writeTextFile(join(folder, "example.ts"), example());
    const command = ["run", "-A", "--check", "--config", join(root, "deno.json"), "example.ts"];
    const served = new LoggedProcess(
      [Deno.execPath(), ...command],
      { "DENO_SERVE_ADDRESS": "tcp:127.0.0.1:0", "NO_COLOR": "1" },
      folder,
    );
    const [url] = /http:\S+/.exec(await served.says("Listening on"))!;
    const response = await fetch(`${url}v1/completions`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "the", "max_tokens": 3, "ignore_eos": true }),
    });
    const { usage } = await response.json();
    assert.equal(response.status, 200);
    assert.equal(usage.completion_tokens, 3);
    served.kill("SIGKILL");
    await served.exit;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test(`mod.ts has at most ${MAX_NAMES} names`, async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", "mod.ts"],
    cwd: root,
  }).output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  const [file] = Object.values(nodes) as { readonly symbols: readonly { readonly name: string }[] }[];
  const names = new Set(file!.symbols.map(({ name }) => name));
  assert(names.has("openEngine"));
  assert(names.size <= MAX_NAMES, `${names.size} names: ${[...names].join(", ")}`);
});
