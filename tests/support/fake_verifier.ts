/**
 * A verifier without a model: the next token is a function of the tokens before it, read back through the page
 * table, so that a wrong page, a wrong position or a lost token changes the text.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Actor } from "../../runtime/actor/actor.ts";
import type { VerifierConfig, VerifierInfo } from "../../runtime/contracts/config.ts";
import type { VerifierMessage } from "../../runtime/messages/actors.ts";
import type { Forward, Segment, SegmentResult } from "../../runtime/messages/scheduler_verifier.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";

/** The token after a prefix. */
export type NextToken = (prefix: readonly number[]) => number;

/** A model whose next token is a hash of the whole prefix (FNV-1a). */
export function hashModel(vocabSize: number): NextToken {
  return (prefix) => {
    let hash = 0x811c9dc5;
    for (const token of prefix) hash = Math.imul(hash ^ token, 0x01000193) >>> 0;
    return ((hash ^ (hash >>> 15)) >>> 0) % vocabSize;
  };
}

/** What a generation must yield: `numTokens` tokens after `prompt`, or fewer if one in `stopTokens` comes. */
export function expectedTokens(
  next: NextToken,
  prompt: readonly number[],
  options: { numTokens: number; stopTokens: readonly number[] },
): number[] {
  const tokens: number[] = [];
  while (tokens.length < options.numTokens) {
    const token = next([...prompt, ...tokens]);
    tokens.push(token);
    if (options.stopTokens.includes(token)) break;
  }
  return tokens;
}

/** Makes the fake. It throws, and so crashes, on any message that breaks the verifier's contract. */
export function fakeVerifier(options: {
  readonly next: NextToken;
  /** Awaited before a forward is answered: simulated work, or a gate. */
  readonly onForward?: (message: Forward) => void | Promise<void>;
}): Actor<VerifierConfig, VerifierInfo, VerifierMessage> {
  const running = new Map<string, SamplingParams>();
  let config: VerifierConfig;
  let slots = new Int32Array();

  const slotOf = ({ pages }: Segment, position: number) => {
    const page = pages[Math.floor(position / config.pageSize)];
    assert.ok(page !== undefined, `no page for position ${position}`);
    return page * config.pageSize + position % config.pageSize;
  };
  const runSegment = (segment: Segment): SegmentResult => {
    const { requestId, start, tokens, sample, promptLogprobs } = segment;
    const prompt = promptLogprobs &&
      Array.from(promptLogprobs.nextTokens, (token) => ({ token, logprob: -1, top: [] }));
    const prefix = Array.from({ length: start + tokens.length }, (_, p) => slots[slotOf(segment, p)]!);
    assert.ok(!prefix.includes(-1), `${requestId} reads a slot that nothing was written to`);
    const drawn = sample ? [options.next(prefix)] : [];
    const wantsLogprobs = running.get(requestId)!.numLogprobs >= 0;
    return {
      tokens: Int32Array.from(drawn),
      accepted: new Int32Array(0),
      ...(wantsLogprobs && { logprobs: drawn.map((token) => ({ token, logprob: -0.5, top: [] })) }),
      ...(prompt && { promptLogprobs: prompt }),
    };
  };

  return {
    name: "verifier",
    start(itsConfig) {
      config = itsConfig;
      const numPages = Math.floor(config.maxTotalTokens / config.pageSize);
      slots = new Int32Array(numPages * config.pageSize).fill(-1);
      const handles = { context: 0, embedding: 0, lmHead: 0, features: 0 };
      const bytes = { kBytes: 2 ** 30, vBytes: 2 ** 30, weightBytes: 2 ** 29, featureBytes: 0 };
      return { numPages, ...bytes, backend: "fake", handles };
    },
    async receive(message, context) {
      if (message.type === "release") {
        assert.ok(running.delete(message.requestId), `${message.requestId} is released but not running`);
        return;
      }
      assert.ok(message.type === "forward", "nobody is constrained");
      for (const { requestId, sampling } of message.starts) running.set(requestId, sampling);
      const { segments } = message;
      assert.ok(running.size <= config.maxRunningRequests, "too many sequences");
      assert.ok(
        segments.reduce((sum, { tokens }) => sum + tokens.length, 0) <= config.maxRows,
        "too many rows",
      );
      for (const segment of segments) {
        assert.ok(running.has(segment.requestId), `${segment.requestId} was not started`);
        segment.tokens.forEach((token, row) => slots[slotOf(segment, segment.start + row)] = token);
      }
      await options.onForward?.(message);
      context.send("scheduler", {
        type: "forwarded",
        step: message.step,
        results: segments.map(runSegment),
        forwardMs: 1,
      } as { type: string });
    },
    stop() {},
  };
}
