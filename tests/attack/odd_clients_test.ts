/**
 * Clients that are not wrong, only odd, against the real server: half-closed, in bursts, gone before they are answered.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { postOf, RawClient } from "../support/raw_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { assertRecovered, seen, vitalsOf } from "../support/server_vitals.ts";
import { writeTinyModel } from "../support/tiny_model.ts";

const folder = await Deno.makeTempDir({ prefix: "aerie-odd-" });
const modelPath = await writeTinyModel(folder, {
  kind: "gguf",
  seed: 1,
  config: { headDim: 32, maxPositionEmbeddings: 16384 },
});
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const flags = [
  ...["--model-path", modelPath, "--skip-server-warmup", "--speculative-algorithm", "NONE"],
  ...["--max-total-tokens", "100000", "--decode-log-interval", "100000"],
];
const NUM_PLACES = 4, NUM_QUEUED_TOKENS = 100;
/** Tokens that take longer than a test. */
const MANY = 15_000;

/** A batch of `count` prompts of `length` tokens each. */
function batchOf(count: number, length: number, numTokens: number): string {
  return postOf("/generate", {
    "input_ids": Array.from({ length: count }, (_, i) => new Array(length).fill(5 + i % 20)),
    "sampling_params": { "max_new_tokens": numTokens, "ignore_eos": true },
  });
}

const noStack = ({ log }: ServerProcess) => assert(!log.some((line) => /^\s+at /.test(line)), log.join("\n"));

Deno.test("attack: clients that end their connection, or a probe that does, are let go and nobody is to blame", async (t) => {
  await using server = await ServerProcess.start([...flags, "--max-running-requests", "1"]);
  const before = await vitalsOf(server);

  await t.step("a request that ends its connection is not the server's fault", async () => {
    for (const stream of [false, true]) {
      using client = await RawClient.connect(server.url);
      await client.send(
        postOf("/generate", { text: "x", stream, "sampling_params": { "ignore_eos": true } }),
      );
      await client.endSending();
      await client.closed;
      assert(!client.received.includes("internal error"), client.received);
      assert((await client.status())! < 500);
    }
  });

  await t.step("a probe that leaves the queue, with and without a part of a body", async () => {
    using runner = await RawClient.connect(server.url);
    await runner.send(batchOf(1, 3, MANY));
    await seen(server, ({ numRunning }) => numRunning === 1);
    for (const rest of ["\r\n", "Content-Length: 5\r\n\r\nab"]) {
      for (const isHalf of [true, false]) {
        using client = await RawClient.connect(server.url);
        await client.send(`GET /health_generate HTTP/1.1\r\nHost: localhost\r\n${rest}`);
        await seen(server, ({ numWaiting }) => numWaiting === 1);
        if (isHalf) await client.endSending();
        else client[Symbol.dispose]();
        const { numRunning } = await seen(server, ({ numWaiting }) => numWaiting === 0);
        assert.equal(numRunning, 1, "who runs is not the one who left");
      }
    }
  });
  await assertRecovered(server, before);
  noStack(server);
});

Deno.test("attack: a batch is queued whole or not at all by its tokens too, and a burst that finds places does not wait", async (t) => {
  await using server = await ServerProcess.start([
    ...flags,
    ...["--max-running-requests", String(NUM_PLACES), "--max-queued-tokens", String(NUM_QUEUED_TOKENS)],
  ]);
  const before = await vitalsOf(server);
  const ask = async (text: string) => {
    using client = await RawClient.connect(server.url);
    await client.send(text);
    return await client.status();
  };

  await t.step("places are free", async () => {
    assert.equal(await ask(batchOf(NUM_PLACES, 30, 2)), 200, "a batch");
    const burst = Array.from({ length: NUM_PLACES }, () => ask(batchOf(1, 30, 2)));
    assert.deepEqual(await Promise.all(burst), new Array(NUM_PLACES).fill(200));
    assert.equal(await ask(batchOf(2 * NUM_PLACES, 30, 2)), 200, "what is too much may wait alone");
  });

  await t.step("none is free", async () => {
    using runner = await RawClient.connect(server.url);
    await runner.send(batchOf(NUM_PLACES, 5, MANY));
    await seen(server, ({ numRunning }) => numRunning === NUM_PLACES);
    using waiter = await RawClient.connect(server.url);
    await waiter.send(batchOf(1, 40, MANY));
    await seen(server, ({ numWaiting }) => numWaiting === 1);
    assert.equal(await ask(batchOf(3, 30, MANY)), 429, "two of them would fit");
    const { numWaiting, numRunning } = await vitalsOf(server);
    assert(numRunning + numWaiting <= NUM_PLACES + 1, "nothing of it waits or runs");
  });
  await assertRecovered(server, before);
});
