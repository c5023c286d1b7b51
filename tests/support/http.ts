/**
 * Requests to an application in memory, and what its streams say.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { z } from "zod";
import { type AppOptions, createApp } from "../../routes/app.ts";
import { errorBody } from "../../routes/answers/content.ts";
import type { FakeGenerator } from "./fake_generator.ts";

/** Anything with a fetch-like `request`. */
export interface App {
  request(path: string, init?: RequestInit): Response | Promise<Response>;
}

/** An application over a fake generator. */
export function appOf(generator: FakeGenerator, options: Partial<AppOptions> = {}): App {
  return createApp(generator, { streamInterval: 1, enableCacheReport: false, ...options });
}

/** Posts JSON, or text as it is. */
export async function post(app: App, path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return await app.request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
  });
}

/** Posts and reads a 200 answer, which must have the form that the document promises. */
export async function answer<T>(app: App, path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
  const response = await post(app, path, body);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return schema.parse(JSON.parse(text));
}

/** Posts and reads the events of a stream; the last must be `[DONE]`, which is left out. */
export async function events<T>(app: App, path: string, body: object, schema: z.ZodType<T>): Promise<T[]> {
  const response = await post(app, path, { ...body, stream: true });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.match(response.headers.get("Content-Type") ?? "", /^text\/event-stream/);
  const data = text.split("\n\n").filter((event) => event.startsWith("data: ")).map((event) =>
    event.slice(6)
  );
  assert.equal(data.pop(), "[DONE]");
  return data.map((line) => schema.parse(JSON.parse(line)));
}

/** Posts what must fail and returns status, headers and the error's facts. */
export async function fault(app: App, path: string, body: unknown, init: RequestInit = {}): Promise<Fault> {
  const response = await post(app, path, body, init);
  const { error, ...flat } = errorBody.strict().parse(await response.json());
  assert.deepEqual(flat, { object: "error", ...error, code: response.status });
  return { status: response.status, headers: response.headers, ...error };
}

/** An error answer. */
export interface Fault {
  readonly status: number;
  readonly headers: Headers;
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

/** Resolves when `condition` holds; fails after ten seconds instead of hanging. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `Cannot wait longer for: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Reads server-sent events whose names are their types, as Anthropic's API and OpenAI's Responses send them. */
export async function namedEvents(response: Response): Promise<NamedEvent[]> {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.match(response.headers.get("Content-Type") ?? "", /^text\/event-stream/);
  const frames = text.split("\n\n");
  assert.equal(frames.pop(), "");
  return frames.filter((frame) => !frame.startsWith(":")).map((frame) => {
    const [, name, json] = /^event: (.*)\ndata: (.*)$/.exec(frame) ?? assert.fail(frame);
    const event = JSON.parse(json!);
    assert.equal(event.type, name);
    return event;
  });
}

/** An event that tells its type. */
export interface NamedEvent {
  readonly type: string;
  // deno-lint-ignore no-explicit-any -- the tests assert what events have
  readonly [field: string]: any;
}
