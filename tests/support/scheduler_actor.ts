/**
 * The scheduler actor among partners that only record messages.
 *
 * @module
 */
import type { ActorContext } from "../../runtime/actor/actor.ts";
import { SimulatedClock } from "./simulated_clock.ts";
import { schedulerActor } from "../../runtime/actors/scheduler.ts";
import type { SchedulerConfig } from "../../runtime/contracts/config.ts";
import type {
  DrafterMessage,
  EngineMessage,
  MatcherMessage,
  SchedulerMessage,
  VerifierMessage,
} from "../../runtime/messages/actors.ts";
import type { Progressed, Submit } from "../../runtime/messages/engine_scheduler.ts";
import type { Draft } from "../../runtime/messages/scheduler_drafter.ts";
import type { Forward } from "../../runtime/messages/scheduler_verifier.ts";
import { defaultSamplingParams, type SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { chainOf } from "../../runtime/contracts/draft_tree.ts";
import type { CostCurve, DraftingConfig } from "../../runtime/contracts/speculation_config.ts";
import { worldConfig } from "./scheduler_world.ts";

/** What each partner was sent, events of `progressed` one by one. */
export interface Sent {
  readonly engine: (Exclude<EngineMessage, Progressed> | Progressed["events"][number])[];
  readonly verifier: VerifierMessage[];
  readonly drafter: DrafterMessage[];
  readonly matcher: MatcherMessage[];
  readonly scheduler: never[];
}

/** A scheduler at work. */
export interface StartedScheduler {
  readonly sent: Sent;
  /** Who was sent what, over all. */
  readonly receivers: string[];
  readonly lines: string[];
  readonly clock: SimulatedClock;
  tell(message: SchedulerMessage): void | Promise<void>;
  submit(
    requestId: string,
    prompt: readonly number[],
    sampling?: Partial<SamplingParams>,
    of?: Pick<Submit, "client" | "constraint">,
  ): void | Promise<void>;
  /** Answers the latest forward; the step took `ms`, 10 by default. */
  answer(ms?: number): void | Promise<void>;
}

/** Starts a scheduler whose partners are lists and whose model draws token 7. */
export async function startScheduler(config: Partial<SchedulerConfig> = {}): Promise<StartedScheduler> {
  const actor = schedulerActor();
  const clock = new SimulatedClock();
  const sent: Sent = { engine: [], verifier: [], drafter: [], matcher: [], scheduler: [] };
  const lines: string[] = [], receivers: string[] = [];
  const context: ActorContext = {
    send(to, message) {
      const said = message as EngineMessage;
      (sent[to] as { type: string }[]).push(...said.type === "progressed" ? said.events : [message]);
      receivers.push(`${to} ${message.type}`);
    },
    clock,
    log: (level, text) => void lines.push(`${level} ${text}`),
  };
  await actor.start({ ...worldConfig, ...config }, context);
  const tell = (message: SchedulerMessage) => actor.receive(message, context);
  return {
    sent,
    receivers,
    lines,
    clock,
    tell,
    submit: (requestId, prompt, sampling = {}, of = {}) =>
      tell({
        type: "submit",
        requestId,
        promptTokens: Int32Array.from(prompt),
        sampling: { ...defaultSamplingParams, ignoreEos: true, ...sampling },
        ...of,
      }),
    answer: (ms = 10) => {
      const { step, segments } = sent.verifier.findLast((message): message is Forward =>
        message.type === "forward"
      )!;
      clock.advance(ms);
      const results = segments.map(({ sample }) => ({
        tokens: Int32Array.from(sample ? [7] : []),
        accepted: new Int32Array(0),
      }));
      return tell({ type: "forwarded", step, results, forwardMs: 0.9 * ms });
    },
  };
}

/** Trees of up to two nodes, always. */
export const fixedDrafting: DraftingConfig = {
  numSteps: 2,
  topk: 1,
  numNodes: 2,
  adaptive: false,
  keyIncludesNextToken: false,
  forwardMs: flat(10),
  contextMs: { perSequence: 0, perRow: 0 },
  draftMs: { firstMs: flat(1), levelMs: flat(1), tokenMs: 0 },
};

function flat(ms: number): CostCurve {
  return { sizes: [1], ms: [ms] };
}

/** Answers the latest draft with a chain. */
export function answerDraft(
  { sent, tell }: StartedScheduler,
  drafts: readonly number[],
): void {
  const { step, requests } = sent.drafter.findLast((message): message is Draft => message.type === "draft")!;
  const tree = chainOf(Int32Array.from(drafts), Float32Array.from(drafts, () => 0.5));
  const numRead = Int32Array.from(requests, ({ start, tokens }) => start + tokens.length);
  tell({ type: "drafted", step, trees: requests.map(() => tree), numRead });
}
