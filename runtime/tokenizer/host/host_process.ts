/**
 * Entry of a tokenizer host: a process that builds a tokenizer and answers one request after the other. It may do
 * nothing but that, has no permissions, and may be killed at any moment.
 *
 * @module
 */
import { AerieError, InvalidRequestError, toWireError } from "../../contracts/errors.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer.ts";
import { FrameReader, type HostReply, type HostRequest, toFrame } from "./frames.ts";

/** Tokenized once after building, so that a tokenizer that no text gets through ends the start. */
const FIRST_TEXT = "The capital city of France is Paris, 1!";

let tokenizer: Tokenizer | undefined;

function reply(head: HostReply, tokens?: Int32Array): void {
  const frame = toFrame(head, tokens);
  for (let sent = 0; sent < frame.length;) sent += Deno.stdout.writeSync(frame.subarray(sent));
}

function answer(request: HostRequest): Int32Array {
  switch (request.type) {
    case "load":
      tokenizer = loadTokenizer(request.source);
      reply({ type: "built" });
      return tokenizer.encode(FIRST_TEXT);
    case "encode":
      return tokenizer!.encode(request.text, request.options);
    case "renderChat":
      return tokenizer!.renderChat(request.messages, request.options);
  }
}

/** What goes wrong with a text is the text's fault: this process has nothing else. */
function toFault(error: unknown): AerieError {
  if (error instanceof AerieError) return error;
  return new InvalidRequestError(
    `Cannot tokenize input: ${error instanceof Error ? error.message : String(error)}`,
  );
}

// A terminal sends its signals to the whole group: requests under way still need this process. It ends when the
// server closes the pipe.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, () => {});

const requests = new FrameReader<HostRequest>();
for (;;) {
  const piece = new Uint8Array(65536);
  const length = Deno.stdin.readSync(piece);
  if (length === null) Deno.exit(0);
  for (const { head } of requests.push(piece.subarray(0, length))) {
    try {
      reply({ type: "tokens" }, answer(head));
    } catch (error) {
      reply({ type: "failed", error: toWireError(toFault(error)) });
    }
  }
}
