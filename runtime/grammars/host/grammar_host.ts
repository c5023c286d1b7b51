/**
 * Entry of a grammar host: a process that compiles grammars and follows them. It may do nothing but that, has no
 * permissions, and may be killed at any moment.
 *
 * @module
 */
import { toWireError } from "../../contracts/errors.ts";
import { answerRequests, sendReply } from "../../processes/host_loop.ts";
import { HostBody, type Reply } from "./host_body.ts";
import type { HostRequest } from "./messages.ts";

const reply: Reply = sendReply;

let host: HostBody | undefined;

await answerRequests<HostRequest>(async (request, body) => {
  if (request.type !== "load") return await host!.answer(request, body);
  try {
    host = await HostBody.load(body, request.vocabulary, reply);
    reply({ type: "loaded" });
  } catch (error) {
    reply({ type: "failed", error: toWireError(error) });
  }
});
