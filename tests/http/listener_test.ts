/**
 * The listener over real sockets.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { Handler, ListenerOptions } from "../../http/listener.ts";
import { lineFraming, openaiFraming } from "../../routes/answers/framings.ts";
import { createApp } from "../../routes/app.ts";
import type { AppOptions } from "../../routes/generation/context.ts";
import { FakeGenerator } from "../support/fake_generator.ts";
import { until } from "../support/http.ts";
import { Listening } from "../support/listening.ts";
import { postOf } from "../support/raw_client.ts";

const log: string[] = [];

const open = (handler: Handler, options: Partial<ListenerOptions> = {}) =>
  Listening.open(handler, { log: (_, text) => log.push(text), ...options });

function appOf(generator: FakeGenerator, options: Partial<AppOptions> = {}): Handler {
  const own = {
    streamInterval: 1,
    enableCacheReport: false,
    log: (_: string, text: string) => log.push(text),
  };
  return createApp(generator, { ...own, maxBodyBytes: 100_000, ...options }).fetch;
}

const chunkedHead = "POST /generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
  "Transfer-Encoding: chunked\r\n\r\n";

Deno.test("listener: what is not a request is refused, and the next client is served", async (t) => {
  await using server = await open(appOf(new FakeGenerator()));
  const many = Array.from({ length: 3000 }, (_, i) => `a${i}: b`).join("\r\n");
  const cases: [name: string, text: string, status: number | undefined][] = [
    ["a health check", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 200],
    ["HEAD", "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n", 200],
    ["HTTP/1.0", "GET /health HTTP/1.0\r\n\r\n", 200],
    [
      "an upgrade nobody offers",
      "GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
      200,
    ],
    ["TRACE", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405],
    ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: x\r\n\r\n", 405],
    ["an unknown method", "FOO / HTTP/1.1\r\nHost: x\r\n\r\n", 405],
    ["a method the path does not take", "GET /generate HTTP/1.1\r\nHost: x\r\n\r\n", 405],
    ["no HTTP", "\x00\x01nothing\r\n\r\n", 400],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["another version", "GET /health HTTP/2.0\r\nHost: x\r\n\r\n", 400],
    ["an absolute target", "GET http://evil/health HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["a target that is another host elsewhere", "GET //evil/health HTTP/1.1\r\nHost: x\r\n\r\n", 404],
    ["a bad escape", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 404],
    ["a host with a user", "GET /health HTTP/1.1\r\nHost: a@b\r\n\r\n", 200],
    ["no host", "GET /health HTTP/1.1\r\n\r\n", 400],
    ["two hosts", "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    [
      "two lengths",
      "POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      400,
    ],
    ["length and encoding", chunkedHead.replace("Host", "Content-Length: 2\r\nHost") + "0\r\n\r\n", 400],
    ["a negative length", "POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400],
    [
      "a length beyond numbers",
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${"9".repeat(30)}\r\n\r\n`,
      400,
    ],
    ["an encoding that is not undone", chunkedHead.replace("chunked", "gzip, chunked") + "0\r\n\r\n", 400],
    ["a chunk without a size", `${chunkedHead}zz\r\nab\r\n`, 400],
    ["a second chunk without a size", `${chunkedHead}2\r\n{}\r\nzz\r\nab\r\n`, 400],
    ["a zero byte in a header", "GET /health HTTP/1.1\r\nHost: x\r\nA: a\x00b\r\n\r\n", 400],
    ["a folded header", "GET /health HTTP/1.1\r\nHost: x\r\nA: a\r\n b\r\n\r\n", 400],
    ["a large header", `GET /health HTTP/1.1\r\nHost: x\r\nA: ${"b".repeat(40_000)}\r\n\r\n`, 431],
    ["many headers", `GET /health HTTP/1.1\r\nHost: x\r\n${many}\r\n\r\n`, 431],
    ["an expectation nobody meets", "GET /health HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417],
  ];
  for (const [name, text, status] of cases) {
    await t.step(name, async () => {
      using client = await server.connect();
      await client.send(text);
      assert.equal(await client.status(), status);
      if (status === 405) assert.match(client.received, /\r\nallow: .*\b(POST|GET)\b/i);
    });
  }
  using client = await server.connect();
  await client.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal(await client.status(), 200);
  assert.deepEqual(log, []);
});

Deno.test("listener: bodies that are too large or incomplete are answered at once", async (t) => {
  const generator = new FakeGenerator();
  await using server = await open(appOf(generator));
  const chunk = `8000\r\n${" ".repeat(0x8000)}\r\n`;
  await t.step("chunks beyond the limit, without an end", async () => {
    using client = await server.connect();
    const sending = client.send(chunkedHead + chunk.repeat(200));
    assert.equal(await client.status(), 413);
    await client.closed;
    await sending;
  });
  await t.step("a length beyond the limit", async () => {
    using client = await server.connect();
    await client.send(postOf("/generate", {}, { numBytes: 200_000 }).slice(0, 1000));
    assert.equal(await client.status(), 413);
    await client.closed;
  });
  await t.step("all of it sent before the answer is read", async () => {
    const { hostname, port } = new URL(server.listener.url);
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const body = new TextEncoder().encode(postOf("/generate", {}, { numBytes: 20_000_000 }));
    for (let at = 0; at < body.length;) at += await connection.write(body.subarray(at));
    const answer = new Uint8Array(1000), size = await connection.read(answer);
    assert.match(new TextDecoder().decode(answer.subarray(0, size ?? 0)), /^HTTP\/1\.1 413 /);
  });
  await t.step("chunks that end early, to a client that still reads", async () => {
    using client = await server.connect();
    await client.send(`${chunkedHead}ff\r\n{"text`);
    await client.endSending();
    assert.equal(await client.status(), 400);
    await client.closed;
  });
  await t.step("a body that waits to be asked for", async () => {
    using client = await server.connect();
    const [head, body] = postOf("/generate", { text: "x" }, { headers: ["Expect: 100-continue"] })
      .split("\r\n\r\n");
    await client.send(`${head}\r\n\r\n`);
    assert(await client.receives("HTTP/1.1 100 Continue\r\n\r\n"));
    await client.send(body!);
    assert.equal(await client.status(), 200);
  });
  await t.step("the body of a GET that takes none", async () => {
    using client = await server.connect();
    await client.send(
      "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    assert(await client.receives("org/tiny"));
  });
  assert.equal(generator.seen.length, 1);
  assert.deepEqual(log, []);
});

Deno.test("listener: without the key no body is asked for", async () => {
  await using server = await open(appOf(new FakeGenerator(), { apiKey: "secret" }));
  using client = await server.connect();
  await client.send(postOf("/generate", { text: "x" }, { headers: ["Expect: 100-continue"] }).split("{")[0]!);
  assert.equal(await client.status(), 401);
  assert(!client.received.includes("100 Continue"));
  await client.closed;
});

Deno.test("listener: the bodies held at once are bounded, and given back", async () => {
  const generator = new FakeGenerator();
  const maxBodyBytes = 33_000_000;
  await using server = await open(appOf(generator, { maxBodyBytes }));
  using first = await server.connect();
  const whole = postOf("/generate", { text: "x" }, { numBytes: 32_000_000 });
  await first.send(whole.slice(0, -10));
  {
    using second = await server.connect();
    await second.send(whole.slice(0, -10));
    using third = await server.connect();
    const sending = third.send(whole);
    assert.equal(await third.status(), 503);
    assert.match(third.received, /\r\nretry-after: 1\r\n/i);
    await sending;
  }
  await first.send(whole.slice(-10));
  assert.equal(await first.status(), 200);
  using fourth = await server.connect();
  await fourth.send(whole);
  assert.equal(await fourth.status(), 200, "what left and what was answered no longer counts");
});

Deno.test("listener: a body no longer counts once its generations have begun", async () => {
  const generator = new FakeGenerator(() => ["wait"]);
  await using server = await open(appOf(generator, { maxBodyBytes: 33_000_000 }));
  using clients = new DisposableStack();
  const whole = postOf("/generate", { text: "x" }, { numBytes: 32_000_000 });
  for (const numGenerations of [1, 2, 3]) {
    await clients.use(await server.connect()).send(whole);
    await until(() => generator.seen.length === numGenerations);
  }
});

Deno.test("listener: the limit on connections holds, and who leaves makes room", async () => {
  await using server = await open(appOf(new FakeGenerator()), { maxConnections: 5 });
  const idle = await Promise.all(Array.from({ length: 40 }, () => server.connect()));
  await until(() => server.listener.numConnections === 5);
  const refused = await Promise.all(idle.slice(5).map((client) => client.status()));
  assert(refused.every((status) => status === 503 || status === undefined));
  for (const client of idle) client[Symbol.dispose]();
  await until(() => server.listener.numConnections === 0);
  using client = await server.connect();
  await client.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal(await client.status(), 200);
});

Deno.test("listener: while draining connections are closed after their next answer, at the end all", async () => {
  const answer = Promise.withResolvers<Response>();
  await using server = await open((request) =>
    request.url.endsWith("/wait") ? answer.promise : new Response("x")
  );
  // Else a test that fails waits for the answer.
  using stack = new DisposableStack();
  stack.defer(() => answer.resolve(new Response()));
  using idle = await server.connect();
  await idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert(await idle.receives("keep-alive"));
  await until(() => server.listener.numInFlight === 0);
  using busy = await server.connect();
  await busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => server.listener.numInFlight === 1);
  server.listener.drain();
  // Its next request may be on its way.
  await idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await idle.closed;
  assert.match(idle.received, /keep-alive[^]*HTTP\/1\.1 200 [^]*connection: close/i);
  using silent = await server.connect();
  using late = await server.connect();
  await late.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await late.closed;
  assert.match(late.received, /^HTTP\/1\.1 200 [^]*connection: close/i);
  answer.resolve(new Response("y"));
  await busy.closed;
  assert.match(busy.received, /^HTTP\/1\.1 200 [^]*connection: close/i);
  await server.listener.close();
  await silent.closed;
});

Deno.test("listener: a handler that throws is a 500 and a line in the log", async () => {
  await using server = await open(() => Promise.reject(new TypeError("secret")));
  using client = await server.connect();
  await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal(await client.status(), 500);
  assert(!client.received.includes("secret"));
  await until(() => log.some((line) => line.includes("secret")));
  log.length = 0;
});

Deno.test("listener: what streams make is sent as it comes", async (t) => {
  for (const framing of [openaiFraming, lineFraming]) {
    await t.step(framing.contentType, async () => {
      const received = Promise.withResolvers<void>(), encoder = new TextEncoder();
      async function* parts() {
        yield encoder.encode(framing.frame('"first"', undefined));
        await received.promise;
        yield encoder.encode(framing.frame('"last"', undefined));
      }
      const headers = { "Content-Type": framing.contentType };
      await using server = await open(() => new Response(ReadableStream.from(parts()), { headers }));
      using client = await server.connect();
      await client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      assert(await client.receives("first"), client.received);
      received.resolve();
      assert(await client.receives("last"), client.received);
    });
  }
});
