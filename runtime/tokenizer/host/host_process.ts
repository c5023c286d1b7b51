/**
 * Entry of a tokenizer host: a process that builds a tokenizer and answers one request after the other. It may do
 * nothing but that, has no permissions, and may be killed at any moment.
 *
 * @module
 */
import { AerieError, InvalidRequestError, toWireError } from "../../contracts/errors.ts";
import { answerRequests, sendReply } from "../../processes/host_loop.ts";
import { fromDefinition } from "../source.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer.ts";
import type { HostReply, HostRequest } from "./messages.ts";

/** Tokenized once after building, so that a tokenizer that no text gets through ends the start. */
const FIRST_TEXT = "The capital city of France is Paris, 1!";

let tokenizer: Tokenizer | undefined;

function reply(head: HostReply, tokens?: Int32Array): void {
  sendReply(head, tokens);
}

function answer(request: HostRequest, body: Uint8Array): Int32Array {
  switch (request.type) {
    case "load":
      tokenizer = loadTokenizer(fromDefinition(body));
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

await answerRequests<HostRequest>((request, body) => {
  try {
    reply({ type: "tokens" }, answer(request, body));
  } catch (error) {
    reply({ type: "failed", error: toWireError(toFault(error)) });
  }
});
