/**
 * Prompts of `/api/generate` that are continued as they are, without the chat template: raw ones, and such with a suffix.
 *
 * @module
 */
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { throwInvalidField } from "../answers/errors.ts";
import type { RouteContext } from "../generation/context.ts";
import type { AnswerReader } from "../generation/conversation.ts";
import { newId } from "../generation/openai.ts";
import type { PreparedConversation } from "../generation/prepare_conversation.ts";
import { promptTokens } from "../generation/prompt.ts";
import { copiesOf } from "../generation/run.ts";
import { fillInTheMiddleOf, promptsWithGap } from "../openai/fill_in_the_middle.ts";
import { formatOf, type GenerateRequest, ollamaSampling } from "./conversation.ts";

/** A text that is ready to be continued. */
type PreparedText = Pick<PreparedConversation, "requests" | "reader">;

/**
 * Encodes a prompt; the model fills in the gap before `suffix` if there is one.
 *
 * @throws {InvalidRequestError} if it asks for what only the chat template shows, or the model fills in no gaps
 */
export async function prepareText(
  body: GenerateRequest,
  context: RouteContext,
  signal: AbortSignal,
): Promise<PreparedText> {
  const { prompt = "", suffix = "", system, think } = body, { generator } = context;
  const way = suffix === "" ? "raw" : "suffix";
  if (system) throwInvalidField("system", `not allowed with ${way}`);
  if (think) throwInvalidField("think", `not allowed with ${way}`);
  const format = formatOf(body), sampling = ollamaSampling(body, context);
  const tokens = suffix === ""
    ? (await promptTokens(generator, [prompt], "prompt", signal))[0]!
    : (await promptsWithGap(generator, [prompt], suffix, { addSpecialTokens: true, signal }))[0]!.tokens;
  const endTokens = suffix === "" ? [] : fillInTheMiddleOf(generator.model).endTokenIds;
  const own = sampling(tokens.length);
  const endingAt = (copy: number): SamplingParams => {
    const params = own(copy);
    return { ...params, stopTokenIds: [...params.stopTokenIds, ...endTokens] };
  };
  const common = format === undefined ? {} : { constraint: format };
  return { requests: copiesOf(newId("ollama"), tokens, 1, endingAt, common), reader: plainReader };
}

/** Reads an answer that is content alone. */
function plainReader(): AnswerReader {
  return {
    numReasoningTokens: 0,
    push: ({ text }) => text === "" ? [] : [{ type: "content", text }],
    flush: () => [],
  };
}
