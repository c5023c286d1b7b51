/** Server-sent events as the standard has them, however their bytes are cut. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { eventData } from "../../../web/api/event_stream.ts";

async function read(text: string, cuts: readonly number[] = []): Promise<string[]> {
  const bytes = new TextEncoder().encode(text);
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((
    a,
    b,
  ) => a - b);
  const parts = places.slice(1).map((end, i) => bytes.slice(places[i], end));
  return await Array.fromAsync(eventData(ReadableStream.from(parts)));
}

Deno.test("event stream: comments, other fields and events without data are skipped", async () => {
  assert.deepEqual(
    await read(": ping\n\nevent: a\nid: 1\nretry: 5\n\ndata: one\nid: 2\n\n: x\ndata:two\n\n"),
    ["one", "two"],
  );
});

Deno.test("event stream: data lines are joined, one space is taken off, a field may have no colon", async () => {
  assert.deepEqual(await read("data: a\ndata:  b\ndata\n\ndatas: c\n\n"), ["a\n b\n"]);
});

Deno.test("event stream: lines end in CR, LF or both, and a byte order mark is no text", async () => {
  assert.deepEqual(await read("\ufeffdata: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\r\n\n"), [
    "a",
    "b",
    "c",
    "d",
  ]);
});

Deno.test("event stream: an event that the end cuts off is dropped", async () => {
  assert.deepEqual(await read("data: a\n\ndata: b\n"), ["a"]);
});

Deno.test("event stream: the same events wherever the bytes are cut", async () => {
  const line = fc.constantFrom("data: é你🦅", "data: x", "data:", ": ping", "event: e");
  const stream = fc.array(fc.tuple(fc.array(line, { maxLength: 3 }), fc.constantFrom("\n", "\r\n", "\r")));
  await fc.assert(
    fc.asyncProperty(stream, fc.array(fc.nat()), async (events, cuts) => {
      const text = events.map(([lines, end]) => [...lines, ""].map((line) => line + end).join("")).join("");
      assert.deepEqual(await read(text, cuts), await read(text));
    }),
  );
});

Deno.test("event stream: a reader that leaves ends the stream", async () => {
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (out) => out.enqueue(new TextEncoder().encode("data: a\n\n")),
    cancel: () => {
      isCancelled = true;
    },
  });
  for await (const _ of eventData(stream)) break;
  assert.ok(isCancelled);
});
