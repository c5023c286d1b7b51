// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * The clients of the soak: those that read to the end, slowly or not, those that leave, those that send rubbish.
 *
 * @module
 */
import type { Random } from "../support/block_formats.ts";
import { jsonOf, type Question } from "./questions.ts";

/** Bytes of a body that no server takes, and of one whose prompt fits no context. */
const OVERSIZED_BYTES = 5 << 20, TOO_LONG_BYTES = 200_000;
/** A server must answer or hang up within this time, milliseconds. */
const PATIENCE_MS = 120_000;
/** A client that leaves does so within this time; a slow one rests so long between two reads, milliseconds. */
const MAX_STAY_MS = 2000, MAX_REST_MS = 300;

/** Texts of an answer, by choice. */
export type Texts = readonly string[];

/** Asks and reads the answer to its end. */
export async function askWhole(url: string, question: Question): Promise<Texts> {
  const response = await post(url, question, false);
  return textsOf(JSON.parse(await response.text()));
}

/** Asks for a stream and reads it, with rests between reads where `random` is given. */
export async function askStream(url: string, question: Question, random?: Random): Promise<Texts> {
  const response = await post(url, question, true);
  const texts: string[] = [], decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of response.body!) {
    const events = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = events.pop()!;
    for (const event of events) {
      if (event.startsWith("data: {")) addChunk(texts, JSON.parse(event.slice(6)));
    }
    if (random) await sleep(random() * MAX_REST_MS);
  }
  return texts;
}

/** Asks and leaves at a moment of its own. */
export async function leave(url: string, question: Question, random: Random): Promise<void> {
  const signal = AbortSignal.timeout(Math.floor(random() * MAX_STAY_MS));
  try {
    const response = await fetch(url + question.path, { ...init(jsonOf(question, random() < 0.5)), signal });
    await response.arrayBuffer();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/**
 * Sends what cannot be answered.
 *
 * @throws {Error} if the server does not refuse it as it should
 */
export async function misbehave(url: string, random: Random): Promise<void> {
  const path = "/v1/completions";
  const kinds: (() => Promise<void>)[] = [
    () => expectStatus(url, path, '{"model":', 400),
    () => expectStatus(url, path, '{"model":"default","prompt":7}', 400),
    () =>
      expectStatus(
        url,
        path,
        JSON.stringify({ model: "default", prompt: "a b ".repeat(TOO_LONG_BYTES / 4) }),
        400,
      ),
    () => expectStatus(url, path, " ".repeat(OVERSIZED_BYTES), 413),
    () =>
      sendRaw(
        url,
        'POST /generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"te',
      ),
    () => sendRaw(url, "POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Le"),
    () => sendRaw(url, "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"),
  ];
  await kinds[Math.floor(random() * kinds.length)]!();
}

/** Resolves after some milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function post(url: string, question: Question, stream: boolean): Promise<Response> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const response = await fetch(url + question.path, { ...init(jsonOf(question, stream)), signal });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response;
}

function init(body: string): RequestInit {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body };
}

async function expectStatus(url: string, path: string, body: string, status: number): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url + path, { ...init(body), signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    // A server may hang up on a body that it will not read, before the client has read why.
    if (status === 413 && !(error instanceof DOMException)) return;
    throw error;
  }
  const text = await response.text();
  if (response.status !== status) throw new Error(`Expected ${status}, got ${response.status}: ${text}`);
}

/** Sends bytes, then hangs up. */
async function sendRaw(url: string, text: string): Promise<void> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(text)).catch(() => {});
  await sleep(20);
}

interface Answer {
  readonly text?: string;
  readonly index?: number;
  readonly meta_info?: object;
  readonly choices?: readonly {
    readonly index: number;
    readonly text?: string;
    readonly message?: { readonly content: string };
    readonly delta?: { readonly content?: string };
  }[];
}

function textsOf(answer: Answer | readonly Answer[]): Texts {
  if (isList(answer)) return answer.map(({ text }) => text ?? "");
  return answer.choices?.map(({ text, message }) => text ?? message?.content ?? "") ?? [answer.text ?? ""];
}

function isList(answer: Answer | readonly Answer[]): answer is readonly Answer[] {
  return Array.isArray(answer);
}

/** Native chunks carry all text so far, the others what came. */
function addChunk(texts: string[], { text, index = 0, choices }: Answer): void {
  if (choices === undefined) texts[index] = text ?? "";
  for (const choice of choices ?? []) {
    texts[choice.index] = (texts[choice.index] ?? "") + (choice.text ?? choice.delta?.content ?? "");
  }
}
