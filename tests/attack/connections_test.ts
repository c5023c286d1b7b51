/**
 * Connections that do harm, against the real server: too many, standing still, broken, from a web page.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { until } from "../support/http.ts";
import { postOf, RawClient } from "../support/raw_client.ts";
import { type ServerOptions, ServerProcess } from "../support/server_process.ts";
import { assertRecovered, vitalsOf } from "../support/server_vitals.ts";
import { writeTinyModel } from "../support/tiny_model.ts";

const folder = await Deno.makeTempDir({ prefix: "aerie-connections-" });
const modelPath = await writeTinyModel(folder, { kind: "gguf", seed: 1, config: { headDim: 32 } });
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const flags = ["--model-path", modelPath, "--served-model-name", "tiny", "--skip-server-warmup"];
const short = ["--timeout-headers", "1", "--timeout-body", "1", "--timeout-keep-alive", "1"];
const start = (more: readonly string[], options?: ServerOptions) =>
  ServerProcess.start([...flags, ...more], options);

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Connects `count` clients at once, each of which then sends `text`. */
async function crowd(url: string, count: number, text = ""): Promise<RawClient[]> {
  const clients = await Promise.allSettled(Array.from({ length: count }, () => RawClient.connect(url)));
  const connected = clients.flatMap((client) => client.status === "fulfilled" ? [client.value] : []);
  await Promise.all(connected.map((client) => client.send(text)));
  return connected;
}

function leave(clients: readonly RawClient[]): void {
  for (const client of clients) client[Symbol.dispose]();
}

/** Waits until `/health` says 200 to a new connection; fails after ten seconds. */
async function answers({ url }: ServerProcess): Promise<void> {
  const deadline = Date.now() + 10_000;
  let seen: unknown;
  while (seen !== 200) {
    assert(Date.now() < deadline, `No answer: ${seen}`);
    await sleep(50);
    const options = { headers: { Connection: "close" }, signal: AbortSignal.timeout(1000) };
    seen = await fetch(`${url}/health`, options).then(async ({ status, body }) => {
      await body?.cancel();
      return status;
    }, String);
  }
}

const head = "GET /health HTTP/1.1\r\nHost: localhost\r\n";

Deno.test("attack: 300 connections where 256 files may be open do not end the server", async () => {
  await using server = await start([], { before: "ulimit -n 256" });
  const before = await vitalsOf(server);
  for (const text of ["", `${head}A: `]) {
    const clients = await crowd(server.url, 300, text);
    await sleep(300);
    leave(clients);
    await answers(server);
  }
  await assertRecovered(server, before);
});

Deno.test("attack: with every descriptor taken the server waits, and accepts again", async () => {
  await using server = await start(["--max-connections", "1000"], { before: "ulimit -n 256" });
  const before = await vitalsOf(server);
  const clients = await crowd(server.url, 300, head);
  await sleep(4000);
  // The first were accepted: who stays with half a head is closed, though by another listening socket.
  const staying = clients.splice(0, 5);
  leave(clients);
  await answers(server);
  let numOpen = staying.length;
  for (const { closed } of staying) closed.then(() => numOpen--);
  await until(() => numOpen === 0);
  leave(staying);
  await assertRecovered(server, before);
  const lines = server.log.filter((line) => line.includes("Cannot accept connections"));
  assert(lines.length > 0 && lines.length < 20, lines.join("\n"));
});

Deno.test("attack: what clients do on their connections is over when its time is", async (t) => {
  await using server = await start([...short, "--max-connections", "950"]);
  const before = await vitalsOf(server);

  await t.step("900 connections, idle and half-sent, are closed", async () => {
    const clients = (await Promise.all([
      crowd(server.url, 300),
      crowd(server.url, 300, `${head}A: `),
      crowd(server.url, 300, postOf("/generate", { text: "x" }).slice(0, -5)),
    ])).flat();
    assert.equal(clients.length, 900);
    await Promise.all(clients.map(({ closed }) => closed));
    leave(clients);
    await assertRecovered(server, before);
  });

  await t.step("broken bodies are refused", async () => {
    const chunked = "POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
      "Transfer-Encoding: chunked\r\n\r\n";
    const large = `10000\r\n${" ".repeat(0x10000)}\r\n`.repeat(100);
    for (
      const [text, status] of [[chunked + large, 413], [`${chunked}zz\r\n`, 400], [
        "\0\r\n\r\n",
        400,
      ]] as const
    ) {
      using client = await RawClient.connect(server.url);
      const sending = client.send(text);
      assert.equal(await client.status(), status);
      await client.closed;
      await sending;
    }
    {
      using client = await RawClient.connect(server.url);
      await client.send(`${chunked}ff\r\n{"text`);
    }
    await assertRecovered(server, before);
  });

  await t.step("streams that nobody reads end", async () => {
    // Cumulative texts with what is known of each token: more than the kernel keeps.
    const body = {
      text: ["a", "b", "c", "d"],
      stream: true,
      "return_logprob": true,
      "top_logprobs_num": 5,
      "sampling_params": { "max_new_tokens": 480, "ignore_eos": true },
    };
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => RawClient.connect(server.url, { deaf: true })),
    );
    for (const client of clients) await client.send(postOf("/generate", body));
    await assertRecovered(server, before, { maxGrowthBytes: 256 << 20 });
    leave(clients);
  });

  await t.step("a web page reaches nothing under a name made to resolve here, nor as itself", async () => {
    const generate = { text: "x", "sampling_params": { "max_new_tokens": 1 } };
    const simple = postOf("/generate", generate).replace("application/json", "text/plain");
    const page = (text: string, line: string) =>
      text.replace("Host: localhost", `Host: localhost\r\n${line}`);
    const cases: [text: string, status: number][] = [
      [postOf("/generate", generate), 200],
      [postOf("/generate", generate).replace("localhost", "evil.example:30000"), 403],
      [page(postOf("/generate", generate), "Origin: http://localhost:5173"), 200],
      [page(postOf("/generate", generate), "Origin: https://evil.example"), 403],
      [simple, 400],
      [page(simple, "Origin: https://evil.example"), 403],
      [page("GET /flush_cache HTTP/1.1\r\nHost: localhost\r\n\r\n", "Sec-Fetch-Site: cross-site"), 403],
      ["GET /flush_cache HTTP/1.1\r\nHost: localhost\r\n\r\n", 200],
    ];
    for (const [text, status] of cases) {
      using client = await RawClient.connect(server.url);
      await client.send(text);
      assert.equal(await client.status(), status, text);
    }
  });

  assert(!server.log.some((line) => /^\s+at /.test(line)), server.log.join("\n"));
});
