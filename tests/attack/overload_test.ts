// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * One address fills the queue, another wants a single answer.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { connect, type Socket } from "node:net";
import { ServerProcess } from "../support/server_process.ts";
import { assertRecovered, type Vitals, vitalsOf } from "../support/server_vitals.ts";
import { writeTinyModel } from "../support/tiny_model.ts";

const CROWD = "127.0.0.1", OTHER = "127.0.0.2";
/** Of the crowd; half of a queue of 1024 and the places in the batch are all it gets. */
const NUM_REQUESTS = 1500, NUM_RUNNING = 4, NUM_OWN = 512 + NUM_RUNNING;
/** Tokens of each of the crowd's answers. */
const NUM_TOKENS = 400;
/** For so long the queue is watched, and so many times as many or as few as were told may find room then. */
const WATCHED_MS = 4000, DOUBT = 4;

/** A request that was sent; `answer` has status, headers and body. */
interface Sent {
  readonly socket: Socket;
  readonly answer: Promise<string>;
}

/** Sends a request from a local address, over a connection of its own. */
function send({ url }: ServerProcess, from: string, body: object): Sent {
  const { hostname, port, host } = new URL(url), text = JSON.stringify(body);
  const socket = connect({ host: hostname, port: Number(port), localAddress: from });
  const head = ["POST /generate HTTP/1.1", `Host: ${host}`, "Content-Type: application/json"];
  socket.write([...head, `Content-Length: ${text.length}`, "Connection: close", "", text].join("\r\n"));
  let answer = "";
  socket.setEncoding("utf8").on("data", (part: string) => answer += part).on("error", () => {});
  return { socket, answer: new Promise((resolve) => socket.on("close", () => resolve(answer))) };
}

function bodyOf(numTokens: number): object {
  return { input_ids: [5, 6, 7], sampling_params: { max_new_tokens: numTokens, ignore_eos: true } };
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
}

function retrySecondsOf(answer: string): number {
  return Number(/^retry-after: (\d+)\r$/im.exec(answer)?.[1]);
}

async function until(server: ServerProcess, holds: (vitals: Vitals) => boolean): Promise<Vitals> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const vitals = await vitalsOf(server);
    if (holds(vitals)) return vitals;
    assert(Date.now() < deadline, `Cannot wait longer: ${JSON.stringify(vitals)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("attack: 1500 requests of one address leave room for one of another, and are told when to come", async () => {
  const folder = await Deno.makeTempDir();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const modelPath = await writeTinyModel(folder, { kind: "gguf", seed: 3, config: { headDim: 32 } });
  const server = stack.use(
    await ServerProcess.start([
      ...["--model-path", modelPath, "--max-running-requests", String(NUM_RUNNING)],
      ...["--decode-log-interval", "100000"],
    ]),
  );
  const before = await vitalsOf(server);

  const refusals: { seconds: number; atMs: number; text: string }[] = [];
  const begunMs = performance.now();
  const crowd: Sent[] = [];
  let numAnswered = 0;
  while (crowd.length < NUM_REQUESTS) {
    // As fast as they are taken: so many at once that the socket's own queue is not what refuses them.
    for (let i = 0; i < 100; i++) {
      const sent = send(server, CROWD, bodyOf(NUM_TOKENS));
      sent.answer.then((answer) => {
        if (statusOf(answer) === 200) numAnswered++;
        if (statusOf(answer) === 429) {
          refusals.push({ seconds: retrySecondsOf(answer), atMs: performance.now(), text: answer });
        }
      });
      crowd.push(sent);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  // All of them are through the socket's own queue.
  const isHeard = ({ numWaiting, numRunning }: Vitals) =>
    refusals.length + numAnswered + numWaiting + numRunning >= NUM_REQUESTS;
  const full = await until(server, isHeard);
  assert(full.numWaiting <= NUM_OWN, `${full.numWaiting} of one address are waiting`);

  // The other comes when hundreds wait, and is answered when a few of them are.
  const numBefore = numAnswered;
  const other = await send(server, OTHER, bodyOf(8)).answer;
  assert.equal(statusOf(other), 200, other);
  const numAhead = numAnswered - numBefore;
  assert(
    numAhead <= 6 * NUM_RUNNING,
    `${numAhead} of ${full.numWaiting} that came earlier were answered first`,
  );
  const health = await fetch(`${server.url}/health_generate`);
  await health.body?.cancel();
  assert.equal(health.status, 200);

  // A batch that does not fit is refused whole, streamed or not, before any of it runs.
  for (const stream of [false, true]) {
    const batch = { ...bodyOf(NUM_TOKENS), input_ids: Array.from({ length: 64 }, () => [5, 6]), stream };
    const params = { max_new_tokens: NUM_TOKENS, ignore_eos: true, n: 9 };
    const answer = await send(server, OTHER, { ...batch, sampling_params: params }).answer;
    assert.equal(statusOf(answer), 429, answer.slice(0, 300));
    assert.match(answer, /Cannot queue request: .*575 more/);
    const { internal_states: [state] } = await (await fetch(`${server.url}/get_server_info`)).json();
    assert(state.num_waiting <= NUM_OWN, `${state.num_waiting} wait`);
    assert(state.num_waiting_clients <= 1, "nothing of the batch waits");
  }

  for (const { seconds, text } of refusals) {
    assert(Number.isInteger(seconds) && seconds >= 1 && seconds <= 600, text);
    assert.match(text, /one client may have 512/);
  }
  const told = refusals.map(({ seconds }) => seconds).sort((a, b) => a - b);
  assert(told.at(-1)! > 1, `of ${told.length} all are told to come at once: the queue is long`);
  // Until now so many have left, and so many were told that they would have.
  await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
  const nowMs = performance.now(), elapsed = (nowMs - begunMs) / 1000;
  const numFreed = numAnswered - numBefore;
  const numTold = refusals.filter(({ seconds, atMs }) => atMs + 1000 * seconds <= nowMs).length;
  await Deno.stdout.write(
    new TextEncoder().encode(
      `${refusals.length} refused, told to come in ${told[0]} to ${told.at(-1)} s; after ${
        elapsed.toFixed(1)
      } s ` +
        `${numFreed} places had become free, ${numTold} were told so; ${numAhead} were answered before the other\n`,
    ),
  );
  assert(numTold <= DOUBT * numFreed && numFreed <= DOUBT * numTold, `${numTold} told, ${numFreed} free`);
  for (const { socket } of crowd) socket.destroy();
  await Promise.all(crowd.map(({ answer }) => answer));
  await assertRecovered(server, before, { maxGrowthBytes: 256 << 20 });
});
