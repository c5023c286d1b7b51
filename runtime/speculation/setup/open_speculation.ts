/**
 * Opens what the `--speculative-...` flags name, and checks that it fits the target.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Checkpoint } from "../../contracts/checkpoint.ts";
import type { ServerArgs } from "../../contracts/server_args.ts";
import { LoadError } from "../../contracts/errors.ts";
import type { HeadCheckpoint, SpeculationConfig } from "../../contracts/speculation_config.ts";
import { planSpeculation } from "./speculation_plan.ts";
import type { TokenizerJson } from "../../tokenizer/source.ts";
import { openCheckpoint, type OpenedCheckpoint } from "../../weights/checkpoint.ts";
import { DEFAULT_MODEL } from "../../weights/default_model.ts";
import { openDraftHead } from "../../weights/draft_checkpoint.ts";
import { resolveModel, type ResolveOptions } from "../../weights/resolve.ts";
import { readTokenMap } from "../../weights/token_map.ts";

/** What speculation starts with; undefined: none. */
export interface OpenedSpeculation {
  /** For the engine. */
  readonly speculation: SpeculationConfig | undefined;
  /** Remarks for the log. */
  readonly notes: readonly string[];
}

/** The default model's heads, by algorithm, and the algorithm where no flag says anything else. */
const SHIPPED_HEADS: ReadonlyMap<string, string> = new Map([
  ["EAGLE3", fileURLToPath(new URL("../../../heads/eagle3-smollm2-135m", import.meta.url))],
  ["EAGLE", fileURLToPath(new URL("../../../heads/eagle2-smollm2-135m", import.meta.url))],
]);
const SHIPPED_ALGORITHM = "EAGLE3";

/** Those that draft with a head of the target. */
const HEAD_ALGORITHMS: readonly string[] = ["EAGLE", "EAGLE3", "NEXTN"];

/** Flags that say nothing without a draft model or head. */
const NEED_DRAFT_MODEL = [
  ["speculativeDraftModelPath", "--speculative-draft-model-path"],
  ["speculativeDraftModelRevision", "--speculative-draft-model-revision"],
] as const;

/** Flags that say nothing without an algorithm. */
const NEED_ALGORITHM = [
  ...NEED_DRAFT_MODEL,
  ["speculativeTokenMap", "--speculative-token-map"],
  ["speculativeNumSteps", "--speculative-num-steps"],
  ["speculativeEagleTopk", "--speculative-eagle-topk"],
  ["speculativeNumDraftTokens", "--speculative-num-draft-tokens"],
  ["speculativeAdaptive", "--speculative-adaptive"],
] as const;

/**
 * Completes the flags for a target and opens draft model or head.
 *
 * @throws {LoadError} if they do not fit each other or the target
 */
export async function openSpeculation(
  given: ServerArgs,
  target: OpenedCheckpoint,
  options: ResolveOptions = {},
): Promise<OpenedSpeculation> {
  const { args, note } = target.checkpoint.path === DEFAULT_MODEL.name
    ? withShippedHead(given)
    : { args: given };
  const algorithm = args.speculativeAlgorithm ?? "NONE";
  if (algorithm === "NONE") {
    for (const [name, flag] of NEED_ALGORITHM) {
      if (args[name]) throw new LoadError(`Cannot use ${flag} without --speculative-algorithm`);
    }
    return { speculation: undefined, notes: note === undefined ? [] : [note] };
  }
  const needsPath = HEAD_ALGORITHMS.includes(algorithm) || algorithm === "STANDALONE";
  for (const [name, flag] of NEED_DRAFT_MODEL) {
    if (!needsPath && args[name] !== undefined) {
      throw new LoadError(`Cannot use ${flag} with ${algorithm}, which drafts by itself`);
    }
  }
  const draftOptions = { ...options, revision: args.speculativeDraftModelRevision };
  const { config, notes } = planSpeculation(algorithm, args, target.checkpoint.config.architecture);
  const draft = algorithm === "STANDALONE" ? await openDraftModel(args, target, draftOptions) : undefined;
  const head = HEAD_ALGORITHMS.includes(algorithm)
    ? await openHead(algorithm, args, target, draftOptions)
    : undefined;
  const { speculativeTokenMap: map } = args;
  if (map !== undefined && head?.head.kind === "eagle3") {
    const note =
      `--speculative-token-map ${map} is not used: an EAGLE-3 head has a draft vocabulary of its own`;
    return { speculation: { ...config, draft, head, hotTokens: undefined }, notes: [...notes, note] };
  }
  if (map !== undefined && head === undefined) {
    throw new LoadError(`Cannot use --speculative-token-map with ${algorithm}, expected EAGLE or NEXTN`);
  }
  const { vocabSize } = target.checkpoint.config;
  const hotTokens = map === undefined ? undefined : await readTokenMap(map, vocabSize, options);
  return { speculation: { ...config, draft, head, hotTokens }, notes };
}

/** Completes what was given for the default model by the heads that come with Aerie. */
function withShippedHead(given: ServerArgs): { readonly args: ServerArgs; readonly note?: string } {
  const { speculativeAlgorithm: algorithm, speculativeDraftModelPath: path } = given;
  const head = SHIPPED_HEADS.get(algorithm ?? SHIPPED_ALGORITHM);
  if (path !== undefined || head === undefined) return { args: given };
  if (existsSync(head)) {
    return {
      args: {
        ...given,
        speculativeAlgorithm: algorithm ?? SHIPPED_ALGORITHM,
        speculativeDraftModelPath: head,
      },
    };
  }
  return { args: given, note: `No speculation: there is no draft head at ${head}` };
}

async function openHead(
  algorithm: string,
  { speculativeDraftModelPath: path }: ServerArgs,
  { checkpoint: target }: OpenedCheckpoint,
  options: ResolveOptions,
): Promise<HeadCheckpoint> {
  if (path === undefined) {
    throw new LoadError(
      `Cannot use --speculative-algorithm ${algorithm}: --speculative-draft-model-path is missing`,
    );
  }
  return await openDraftHead({ ...options, path, algorithm, target });
}

async function openDraftModel(
  { speculativeDraftModelPath: path }: ServerArgs,
  target: OpenedCheckpoint,
  options: ResolveOptions,
): Promise<Checkpoint> {
  if (path === undefined) {
    throw new LoadError(
      "Cannot use --speculative-algorithm STANDALONE: --speculative-draft-model-path is missing",
    );
  }
  const draft = await openCheckpoint(await resolveModel(path, options));
  const difference = differingToken(draft.tokenizerSource.json, target.tokenizerSource.json);
  if (difference !== undefined) {
    throw new LoadError(
      `Cannot draft with ${path}: ${difference}, expected the vocabulary of ${target.checkpoint.path}`,
    );
  }
  return draft.checkpoint;
}

/** Says which token two tokenizers disagree about, if there is one. */
function differingToken(draft: TokenizerJson, target: TokenizerJson): string | undefined {
  const ids = idsOf(target);
  for (const [token, id] of idsOf(draft)) {
    if (ids.get(token) !== id) {
      return `its token ${JSON.stringify(token)} is ${id}, not ${ids.get(token) ?? "there"}`;
    }
    ids.delete(token);
  }
  const [missing] = ids.keys();
  return missing === undefined ? undefined : `it lacks token ${JSON.stringify(missing)}`;
}

function idsOf({ model, added_tokens: added }: TokenizerJson): Map<string, unknown> {
  const vocab = model["vocab"] as Readonly<Record<string, unknown>> | undefined;
  return new Map([...Object.entries(vocab ?? {}), ...added.map(({ content, id }) => [content, id] as const)]);
}
