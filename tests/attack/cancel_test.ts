/**
 * Clients that leave, against the real server on the real model: whatever they sent and wherever their request was, it is
 * out of the next step. The clock is the number of steps.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { needsModel } from "../support/model_file.ts";
import { postOf, RawClient } from "../support/raw_client.ts";
import { ServerProcess } from "../support/server_process.ts";
import { assertRecovered, seen, type Vitals, vitalsOf } from "../support/server_vitals.ts";

const { ignore, path: modelPath } = needsModel();
const flags = [
  ...["--model-path", modelPath, "--served-model-name", "smol", "--context-length", "8192"],
  // Queues early, and says what a step is.
  ...["--max-running-requests", "4", "--speculative-algorithm", "NONE", "--disable-radix-cache"],
];

/** Steps that may follow once a client has left: one that has begun, and one further. */
const MAX_STEPS = 2;
const SIZES = [100, 500, 2_000, 100_000, 3_000_000];

/** How each endpoint is asked for more tokens than any test waits for. */
const ENDPOINTS: Readonly<Record<string, (prompt: string, stream: boolean) => object>> = {
  "/v1/chat/completions": (content, stream) => ({
    messages: [{ role: "user", content }],
    "max_tokens": 2000,
    "ignore_eos": true,
    stream,
  }),
  "/v1/completions": (prompt, stream) => ({ prompt, "max_tokens": 2000, "ignore_eos": true, stream }),
  "/generate": (text, stream) => ({
    text,
    "sampling_params": { "max_new_tokens": 2000, "ignore_eos": true },
    stream,
  }),
};
const STREAMING = [false, true];

const isIdle = ({ numRunning, numWaiting }: Vitals) => numRunning === 0 && numWaiting === 0;

/** Has a client send `text` and leave once `condition` holds; all that ran must stop. */
async function leaveWhen(
  server: ServerProcess,
  text: string,
  condition: (now: Vitals) => boolean,
): Promise<void> {
  {
    using client = await RawClient.connect(server.url);
    await client.send(text);
    await seen(server, condition);
  }
  // Asked after it left, so that a slow test does not count its own time.
  const { numSteps } = await vitalsOf(server);
  const after = await seen(server, isIdle);
  assert(after.numSteps - numSteps <= MAX_STEPS, `${after.numSteps - numSteps} further steps`);
}

Deno.test(
  { name: "attack: a client that leaves takes its request out of the next step", ignore },
  async (t) => {
    await using server = await ServerProcess.start(flags);
    const before = await vitalsOf(server);
    const connections = ["close", "keep-alive"];

    for (const [path, bodyOf] of Object.entries(ENDPOINTS)) {
      for (const stream of STREAMING) {
        await t.step(`${path}, stream ${stream}, in decode, ${SIZES.join(", ")} bytes`, async () => {
          for (const [i, numBytes] of SIZES.entries()) {
            const headers = [`Connection: ${connections[i % 2]}`];
            const text = postOf(path, bodyOf("Tell a story", stream), { numBytes, headers });
            const { numSteps } = await vitalsOf(server);
            await leaveWhen(server, text, (now) => now.numRunning === 1 && now.numSteps >= numSteps + 3);
          }
        });

        await t.step(`${path}, stream ${stream}, in prefill`, async () => {
          const text = postOf(path, bodyOf("word ".repeat(6000), stream));
          const { numSteps } = await vitalsOf(server);
          await leaveWhen(server, text, (now) => now.numRunning === 1 && now.numSteps >= numSteps + 2);
        });
      }
    }

    await t.step("in the queue, of every endpoint and size, streaming or not", async () => {
      using runner = await RawClient.connect(server.url);
      await runner.send(
        postOf("/generate", { ...ENDPOINTS["/generate"]!("Go on", true), text: ["a", "b", "c", "d"] }),
      );
      await seen(server, ({ numRunning }) => numRunning === 4);
      for (const [path, bodyOf] of Object.entries(ENDPOINTS)) {
        for (const stream of STREAMING) {
          const clients = await Promise.all(SIZES.map(() => RawClient.connect(server.url)));
          for (const [i, numBytes] of SIZES.entries()) {
            await clients[i]!.send(postOf(path, bodyOf("Wait", stream), { numBytes }));
          }
          await seen(server, ({ numWaiting }) => numWaiting === SIZES.length);
          for (const client of clients) client[Symbol.dispose]();
          const { numSteps } = await vitalsOf(server);
          const after = await seen(server, ({ numWaiting }) => numWaiting === 0);
          assert.equal(after.numRunning, 4, "those before them run on");
          // Others run meanwhile: asking takes steps too.
          assert(after.numSteps - numSteps <= 10 * MAX_STEPS, `${after.numSteps - numSteps} steps`);
        }
      }
    });
    await seen(server, isIdle);

    await t.step("64 prompts with four copies each", async () => {
      for (const stream of STREAMING) {
        const body = {
          text: Array.from({ length: 64 }, (_, i) => `Story ${i}`),
          "sampling_params": { "max_new_tokens": 1000, "ignore_eos": true, n: 4 },
          stream,
        };
        const { numSteps } = await vitalsOf(server);
        await leaveWhen(
          server,
          postOf("/generate", body),
          (now) => now.numWaiting === 252 && now.numSteps >= numSteps + 3,
        );
      }
    });

    await assertRecovered(server, before, { maxGrowthBytes: 256 << 20 });
  },
);
