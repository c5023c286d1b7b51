/**
 * The drafter hosts the proposer. Without speculation it has none, and ignores the sequences that it is to release.
 *
 * @module
 */
import type { Actor, ActorContext } from "../actor/actor.ts";
import { type DrafterMessage, unreachable } from "../messages/actors.ts";
import { type Drafted } from "../messages/scheduler_drafter.ts";
import { kvBytes, loading } from "../models/load.ts";
import { MemoryUse } from "../models/memory_use.ts";
import { effortOn, measureDrafts } from "../speculation/measure.ts";
import type { Proposer } from "../speculation/proposer.ts";
import { createProposer, targetParts } from "../speculation/registry.ts";
import { draftLimits } from "../speculation/draft_network.ts";
import type { DrafterConfig, DrafterInfo } from "../contracts/config.ts";

class Drafter implements Actor<DrafterConfig, DrafterInfo, DrafterMessage> {
  readonly name = "drafter";
  #proposer: Proposer | undefined;

  start(
    { speculation, verifierConfig, verifierInfo }: DrafterConfig,
    { clock, log }: ActorContext,
  ): DrafterInfo {
    if (speculation === undefined) return {};
    const { maxRunningRequests, pageSize, contextLength, graphSequences = 0 } = verifierConfig;
    const limits = {
      maxSequences: maxRunningRequests,
      numPages: verifierInfo.numPages,
      pageSize,
      contextLength,
      graphSequences,
    };
    const target = targetParts(verifierConfig, verifierInfo);
    const drafter = speculation.head ?? speculation.draft;
    this.#proposer = loading((drafter ?? verifierConfig.checkpoint).path, () => {
      const use = MemoryUse.attach(target.libraryPath, target.context);
      const proposer = createProposer({ speculation, limits, target, log });
      proposer.capture?.({ numSteps: speculation.numSteps, clock, log });
      if (drafter && verifierConfig.device !== "cpu") {
        const numTokens = draftLimits(limits, speculation.topk).numPages * pageSize;
        const counted = { KV: numTokens * kvBytes(drafter.config, verifierConfig.kvDtype) };
        log("info", use.line("draft", counted, "weights, activations, scratch and graphs"));
      }
      return proposer;
    });
    const effort = effortOn(verifierConfig.device);
    return { costs: measureDrafts(this.#proposer, speculation, limits, clock, effort) };
  }

  receive(message: DrafterMessage, { send }: ActorContext): void {
    switch (message.type) {
      case "draft": {
        const proposer = this.#proposer!, trees = proposer.propose(message.requests);
        const numRead = Int32Array.from(message.requests, (request) => proposer.numRead(request));
        const drafted: Drafted = { type: "drafted", step: message.step, trees, numRead };
        return send("scheduler", drafted);
      }
      case "release":
        return this.#proposer?.release(message.requestId);
      default:
        unreachable(message);
    }
  }

  stop(): void {
    this.#proposer?.[Symbol.dispose]();
  }
}

/** An actor that runs the proposer, if there is one. */
export function drafterActor(): Actor<DrafterConfig, DrafterInfo, DrafterMessage> {
  return new Drafter();
}
