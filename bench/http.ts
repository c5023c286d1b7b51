/**
 * `deno task bench:http`: events a second that the server's HTTP side sends with an engine behind it that costs nothing,
 * through the listener and, for comparison, through `Deno.serve`. The clients are in a process of their own and only
 * count.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { defaultMaxConnections } from "../http/descriptors.ts";
import { Listener } from "../http/listener.ts";
import { createApp } from "../routes/app.ts";
import type { GenerationRequest, GenerationUpdate } from "../runtime/contracts/generation.ts";
import { FakeGenerator } from "../tests/support/fake_generator.ts";
import { median, print, printTable } from "./support/report.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "20000" },
    rounds: { type: "string", default: "5" },
    client: { type: "string" },
    streams: { type: "string", default: "1" },
  },
});
const numEvents = Number(values.events), numRounds = Number(values.rounds);

/** Yields a token as often as it is asked, with a turn of the loop for every eight. */
class FreeGenerator extends FakeGenerator {
  override async *generate({ promptTokens }: GenerationRequest): AsyncGenerator<GenerationUpdate> {
    const usage = {
      numPromptTokens: promptTokens.length,
      numCompletionTokens: 0,
      numCachedTokens: 0,
      numPreemptions: 0,
    };
    for (let i = 0; i < numEvents; i++) {
      if (i % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
      yield { text: " word", tokens: [32], usage };
    }
    yield { text: "", tokens: [], finish: { type: "length", length: numEvents }, usage };
  }
}

if (values.client !== undefined) print(String(await countEvents(values.client, Number(values.streams))));
else await compare();

async function compare(): Promise<void> {
  const app = createApp(new FreeGenerator(), { streamInterval: 1, enableCacheReport: false });
  const listener = await Listener.open({
    host: "127.0.0.1",
    port: 0,
    maxConnections: defaultMaxConnections(),
    timeoutHeaders: 10,
    timeoutBody: 60,
    timeoutKeepAlive: 75,
    log: (_, text) => print(text),
  }, app.fetch);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, app.fetch);
  const urls = { listener: listener.url, "Deno.serve": `http://127.0.0.1:${server.addr.port}` };
  const rows = [["streams", ...Object.keys(urls).map((name) => `${name}, events/s`)]];
  for (const streams of [1, 8, 32]) {
    const rates = new Map<string, number[]>();
    for (let round = 0; round < numRounds; round++) {
      for (const [name, url] of Object.entries(urls)) {
        rates.set(name, [...rates.get(name) ?? [], await rateOf(url, streams)]);
      }
    }
    rows.push([String(streams), ...[...rates.values()].map((all) => median(all).toFixed(0))]);
  }
  printTable(rows);
  await server.shutdown();
  await listener.close();
}

/** Runs the clients in another process. */
async function rateOf(url: string, streams: number): Promise<number> {
  const flags = ["--client", url, "--streams", String(streams)];
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", import.meta.filename!, ...flags],
    stderr: "inherit",
  }).output();
  return Number(new TextDecoder().decode(stdout));
}

/** Events a second over all streams, from the first request to the end of the last answer. */
async function countEvents(url: string, numStreams: number): Promise<number> {
  const body = JSON.stringify({ prompt: "x", stream: true, max_tokens: 50, ignore_eos: true });
  const { host, hostname, port } = new URL(url);
  const head = ["POST /v1/completions HTTP/1.1", `Host: ${host}`, "Content-Type: application/json"];
  const request = [...head, `Content-Length: ${body.length}`, "Connection: close", "", body].join("\r\n");
  const begun = performance.now();
  const counts = await Promise.all(Array.from({ length: numStreams }, async () => {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(new TextEncoder().encode(request));
    const buffer = new Uint8Array(1 << 17);
    let count = 0, last = 0;
    for (let size; (size = await connection.read(buffer)) !== null;) {
      // An event ends with two line feeds, and nothing else has them.
      for (let i = 0; i < size; i++) {
        if (buffer[i] === 10 && last === 10) count++;
        last = buffer[i]!;
      }
    }
    return count;
  }));
  return counts.reduce((sum, count) => sum + count, 0) / (performance.now() - begun) * 1000;
}
