/**
 * Tokenizer hosts that are ended from outside, and that cannot be started again: texts are answered all the same.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { childrenOf } from "../support/processes.ts";
import { ServerProcess } from "../support/server_process.ts";
import { writeTinyModel } from "../support/tiny_model.ts";

/** Of more than 16 kB: a job of the second host. */
const LONG = "rest tea ".repeat(2000), SHORT = "rest";

async function statusOf(url: string, text: string): Promise<number> {
  const response = await fetch(`${url}/generate`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ text, "sampling_params": { "max_new_tokens": 1 } }),
    signal: AbortSignal.timeout(20_000),
  });
  await response.text();
  return response.status;
}

function hostsOf(server: ServerProcess): number[] {
  return childrenOf(server.pid).filter(({ command }) => command.includes("host_process.ts"))
    .map(({ pid }) => pid);
}

async function withModel(body: (model: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const config = { headDim: 32, maxPositionEmbeddings: 65_536 };
    await body(await writeTinyModel(join(folder, "model"), { kind: "gguf", seed: 1, config }), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const flagsFor = (model: string) => ["--model-path", model, "--max-total-tokens", "65536"];

Deno.test("lost hosts: a text that a host was ended with, not by, is not refused", () =>
  withModel(async (model) => {
    await using server = await ServerProcess.start(flagsFor(model));
    for (let round = 0; round < 5; round++) {
      for (const pid of hostsOf(server)) Deno.kill(pid, "SIGKILL");
      // The server has not noticed it yet.
      const texts = [SHORT, LONG, SHORT, LONG];
      const statuses = await Promise.all(texts.map((text) => statusOf(server.url, text)));
      assert.deepEqual(statuses, [200, 200, 200, 200], `round ${round}`);
    }
  }));

Deno.test("lost hosts: they are replaced although Deno's file is gone, as after an upgrade", () =>
  withModel(async (model, folder) => {
    const program = join(folder, "deno");
    await Deno.copyFile(Deno.execPath(), program);
    await using server = await ServerProcess.start(flagsFor(model), { program });
    await Deno.remove(program);
    assert.equal(await statusOf(server.url, LONG), 200);
    for (const pid of hostsOf(server)) Deno.kill(pid, "SIGKILL");
    assert.equal(await statusOf(server.url, SHORT), 200);
    assert.equal(await statusOf(server.url, LONG), 200);
    // A text may be done by the first host before the second has started.
    for (const deadline = Date.now() + 10_000; hostsOf(server).length < 2;) {
      assert(Date.now() < deadline, "the second host was not replaced");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }));

Deno.test("lost hosts: the first does long texts too while no second can be started", () =>
  withModel(async (model) => {
    await using server = await ServerProcess.start(flagsFor(model));
    assert.equal(hostsOf(server).length, 1);
    const { pid } = server;
    // Too few descriptors left for the pipes of one more process.
    const numOpen = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    const limit = await new Deno.Command("prlimit", {
      args: [`--pid=${pid}`, `--nofile=${numOpen + 3}:${numOpen + 3}`],
    }).output();
    assert.ok(limit.success);
    assert.equal(await statusOf(server.url, LONG), 200);
    assert.equal(await statusOf(server.url, SHORT), 200);
    assert.ok(
      server.log.some((line) => line.includes("Cannot start a tokenizer host")),
      server.log.join("\n"),
    );
  }));
