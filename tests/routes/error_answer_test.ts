/**
 * @module
 */
import { strict as assert } from "node:assert";
import { toErrorReply } from "../../routes/answers/errors.ts";
import { answerError } from "../../routes/error_answer.ts";
import { UnavailableError } from "../../runtime/contracts/errors.ts";

Deno.test("error answers: each API gets its own form, before the server has started too", async () => {
  const reply = toErrorReply(new UnavailableError("Cannot accept request: the server is starting"));
  const answerTo = async (path: string) => {
    const response = answerError(reply, { path, requestId: "r" });
    return { status: response.status, retry: response.headers.get("Retry-After"), ...await response.json() };
  };
  const message = "Cannot accept request: the server is starting", retry = "1";
  assert.deepEqual(await answerTo("/v1/messages"), {
    ...{ status: 529, retry, type: "error" },
    ...{ error: { type: "overloaded_error", message }, "request_id": "r" },
  });
  assert.deepEqual(await answerTo("/api/chat"), { status: 503, retry, error: message });
  const openai = await answerTo("/v1/messages_of_others");
  assert.deepEqual([openai.status, openai.error.message, openai.object], [503, message, "error"]);
});
