/**
 * What the listener does with clients that stand still, and with those that leave.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { until } from "../support/http.ts";
import { Listening } from "../support/listening.ts";
import { postOf, type RawClient } from "../support/raw_client.ts";

const short = { timeoutHeaders: 1, timeoutBody: 1, timeoutKeepAlive: 1 };
const hello = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
/** So large that a source which is not held back makes a gigabyte in a second. */
const CHUNK_BYTES = 1_000_000;
const eventStream = { headers: { "Content-Type": "text/event-stream" } };

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends a character every 50 ms until the connection is closed. */
async function trickle(client: RawClient, text: string): Promise<void> {
  let isClosed = false;
  client.closed.then(() => isClosed = true);
  for (const char of text) {
    if (isClosed) return;
    await client.send(char);
    await sleep(50);
  }
  assert(isClosed, "all was sent and the connection is open");
}

/** Waits until the client leaves. */
function untilLeft<T>({ signal }: Request, result: () => T): Promise<T> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(result()), { once: true }));
}

const longHead = `GET / HTTP/1.1\r\nHost: x\r\nA: ${"b".repeat(300)}`;

Deno.test("limits: connections that stand still are closed, with 408 if they began something", async (t) => {
  await using server = await Listening.open(async (request) => new Response(await request.text()), short);
  const cases: Record<string, (client: RawClient) => Promise<number | undefined>> = {
    "says nothing": () => Promise.resolve(408),
    "half a head": (client) => client.send("GET / HT").then(() => 408),
    "a head that trickles": (client) => trickle(client, longHead).then(() => 408),
    "idle": (client) => client.send(hello).then(() => 200),
    "a second head that trickles": async (client) => {
      await client.send(hello);
      assert.equal(await client.status(), 200);
      await trickle(client, longHead);
      return 200;
    },
    "half a body": (client) => client.send(postOf("/", { a: "b" }).slice(0, -3)).then(() => 408),
  };
  // All at once, since each takes its time.
  await Promise.all(
    Object.entries(cases).map(([name, run]) =>
      t.step({
        name,
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
        fn: async () => {
          using client = await server.connect();
          const expected = await run(client);
          await client.closed;
          assert.equal(await client.status(), expected);
        },
      })
    ),
  );
  await until(() => server.listener.numConnections === 0);
});

Deno.test("limits: a slow body and a stream that lasts are not cut", async () => {
  const numEvents = 30;
  const handler = async (request: Request) => {
    const said = await request.text();
    let count = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(out) {
        await sleep(100);
        if (count++ === numEvents) return out.close();
        out.enqueue(new TextEncoder().encode(`data: ${said.trim()} ${count}\n\n`));
      },
    });
    return new Response(body, eventStream);
  };
  await using server = await Listening.open(handler, short);
  using client = await server.connect();
  const text = postOf("/", {}, { numBytes: 10, headers: ["Connection: close"] });
  await client.send(text.slice(0, -6));
  for (const char of text.slice(-6)) {
    await sleep(400);
    await client.send(char);
  }
  await client.closed;
  assert(client.received.includes(`data: {} ${numEvents}\n\n`), client.received);
});

/** Answers with `numEvents` events, 100 ms apart. */
function slowStream(numEvents: number): Response {
  let count = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(out) {
      await sleep(100);
      if (count++ === numEvents) return out.close();
      out.enqueue(new TextEncoder().encode(`data: ${count}\n\n`));
    },
  });
  return new Response(body, eventStream);
}

Deno.test("limits: what follows a request that is being answered cuts no answer", async (t) => {
  await using server = await Listening.open(async (request) => {
    if (request.url.endsWith("/stream")) return slowStream(30);
    await sleep(3000);
    return new Response("late");
  }, short);
  const cases = [["/stream", "data: 30\n\n"], ["/", "late"]] as const;
  for (const [path, end] of cases) {
    for (const rest of ["GET / HT", "\r\n", "\r\n\r\n\r\n"]) {
      await t.step(`${path} and ${JSON.stringify(rest)}`, async () => {
        using client = await server.connect();
        await client.send(hello.replace("/", path) + rest);
        assert(await client.receives(end), client.received);
        await client.closed;
        assert(!/HTTP.*HTTP/s.test(client.received.replace(/^HTTP.1.1 200[^]*408/, "")), client.received);
      });
    }
  }
  await until(() => server.listener.numConnections === 0);
});

Deno.test("limits: a body in chunks of a byte holds nobody up for long, and is cut off", async (t) => {
  let numRead = 0;
  await using server = await Listening.open(async (request) => {
    if (request.method === "GET") return new Response("x");
    const { length } = await request.text().catch(() => "");
    numRead += length;
    return new Response("y");
  });
  // On a thread of its own, since this one is watched.
  const flood = (method: string, chunk: string, count: number) => {
    const { port } = new URL(server.listener.url);
    const head = `${method} / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const program = `const c = await Deno.connect({ port: ${port} });
      const write = async (text) => { const bytes = new TextEncoder().encode(text);
        for (let at = 0; at < bytes.length;) at += await c.write(bytes.subarray(at)); };
      try { await write(${JSON.stringify(head)});
        for (let i = 0; i < ${count}; i++) await write(${JSON.stringify(chunk)}.repeat(1000));
        await write("0\\r\\n\\r\\n"); for await (const _ of c.readable) break; } catch {}
      Deno.exit();`;
    return new Deno.Command(Deno.execPath(), { args: ["eval", program] }).output();
  };
  const cases = [["POST", "1\r\n \r\n", 2000], ["GET", "1\r\n \r\n", 2000], [
    "POST",
    `80\r\n${" ".repeat(128)}\r\n`,
    20,
  ], ["POST", "1\r\n \r\n", 9]] as const;
  for (const [method, chunk, count] of cases) {
    await t.step(`${method}, ${count} thousand chunks of ${chunk.length} bytes`, async () => {
      let worstMs = 0, last = performance.now();
      const timer = setInterval(() => {
        const now = performance.now();
        worstMs = Math.max(worstMs, now - last);
        last = now;
      }, 5);
      const before = numRead;
      await flood(method, chunk, count);
      clearInterval(timer);
      // Seconds, without the bound.
      assert(worstMs < 500, `${worstMs} ms`);
      if (count < 1000) assert.equal(numRead - before, count * 1000 * parseInt(chunk, 16));
      await until(() => server.listener.numInFlight === 0);
    });
  }
});

Deno.test("limits: a connection between requests is closed also if blank lines trickle in", async () => {
  await using server = await Listening.open(() => new Response("x"), short);
  using client = await server.connect();
  await client.send(hello);
  assert.equal(await client.status(), 200);
  await trickle(client, "\r\n".repeat(60));
});

Deno.test("limits: a client is noticed to leave before its body is read, and in the middle of one nobody reads", async (t) => {
  for (const method of ["GET", "POST"]) {
    for (const isHalf of [true, false]) {
      await t.step(`${method}, ${isHalf ? "half" : "wholly"}`, async () => {
        const signals: AbortSignal[] = [];
        let numFailed = 0;
        await using server = await Listening.open(async (request) => {
          signals.push(request.signal);
          // As while a key is compared.
          await sleep(200);
          if (method === "POST") await request.text().catch(() => numFailed++);
          if (!request.signal.aborted) await untilLeft(request, () => {});
          return new Response("x");
        });
        using client = await server.connect();
        await client.send(`${method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab`);
        await until(() => signals.length === 1);
        if (isHalf) await client.endSending();
        else client[Symbol.dispose]();
        await until(() => signals[0]!.aborted);
        await until(() => server.listener.numInFlight === 0);
        assert.equal(numFailed, method === "POST" ? 1 : 0);
      });
    }
  }
});

Deno.test("limits: a client that leaves is noticed whatever it sent, one that stays is not taken for gone", async (t) => {
  for (const numBytes of [10, 100, 500, 2_000, 100_000, 3_000_000]) {
    for (const begun of [false, true]) {
      await t.step(`${numBytes} bytes, ${begun ? "streaming" : "before the answer"}`, async () => {
        const signals: AbortSignal[] = [];
        await using server = await Listening.open(async (request) => {
          await request.text();
          signals.push(request.signal);
          if (!begun) return await untilLeft(request, () => new Response("x"));
          const body = new ReadableStream<Uint8Array>({
            start: (out) => out.enqueue(new Uint8Array(1)),
            pull: (out) => untilLeft(request, () => out.close()),
          });
          return new Response(body, eventStream);
        });
        {
          using client = await server.connect();
          await client.send(postOf("/", {}, { numBytes }));
          await until(() => signals.length === 1);
          if (begun) assert.equal(await client.status(), 200);
          await sleep(20);
          assert.equal(signals[0]!.aborted, false);
        }
        await until(() => signals[0]!.aborted);
        await until(() => server.listener.numConnections === 0);
      });
    }
  }
  await t.step("answered", async () => {
    const signals: AbortSignal[] = [];
    await using server = await Listening.open((request) => {
      signals.push(request.signal);
      return new Response("x");
    });
    using client = await server.connect();
    await client.send(hello);
    await client.status();
    client[Symbol.dispose]();
    await until(() => server.listener.numConnections === 0);
    assert.equal(signals[0]!.aborted, false);
  });
});

Deno.test("limits: a client that closes its sending side is taken to have left, and still gets what there is", async () => {
  await using server = await Listening.open((request) => untilLeft(request, () => new Response("partly")));
  using client = await server.connect();
  await client.send(hello);
  await client.endSending();
  await client.closed;
  assert(client.received.endsWith("partly"), client.received);
});

Deno.test("limits: a connection that its client closed ends even if the handler never does", async () => {
  const endless = Promise.withResolvers<Response>();
  await using server = await Listening.open(() => endless.promise, short);
  using client = await server.connect();
  await client.send(hello);
  await until(() => server.listener.numInFlight === 1);
  await client.endSending();
  try {
    await until(() => server.listener.numConnections === 0);
  } finally {
    endless.resolve(new Response());
  }
});

Deno.test("limits: who pipelines without end is closed", async () => {
  const signals: AbortSignal[] = [];
  await using server = await Listening.open((request) => {
    signals.push(request.signal);
    return new Promise<Response>(() => {});
  });
  using client = await server.connect();
  await client.send(hello.repeat(200));
  await client.closed;
  assert(signals.length < 50);
  await until(() => signals.every(({ aborted }) => aborted));
});

Deno.test("limits: a reader that does not read holds no stream back from ending and little memory", async () => {
  let numPulls = 0, isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(out) {
      numPulls++;
      await sleep(0);
      out.enqueue(new Uint8Array(CHUNK_BYTES));
    },
    cancel() {
      isCancelled = true;
    },
  });
  await using server = await Listening.open(() => new Response(body, eventStream), short);
  using client = await server.connect({ deaf: true });
  await client.send(hello);
  await until(() => isCancelled);
  // What the kernel takes for both ends is some megabytes.
  assert(numPulls * CHUNK_BYTES < 100_000_000, `${numPulls} pulls`);
  await until(() => server.listener.numConnections === 0);
});
