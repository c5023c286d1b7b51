/**
 * Opens what the `--speculative-...` flags name, and checks that it fits the target.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LoadError } from "../../contracts/errors.ts";
import type { ServerArgs } from "../../contracts/server_args.ts";
import type { HeadCheckpoint, HeadKind, SpeculationConfig } from "../../contracts/speculation_config.ts";
import type { OpenedCheckpoint } from "../../weights/checkpoint.ts";
import { DEFAULT_MODEL } from "../../weights/default_model.ts";
import type { ResolveOptions } from "../../weights/resolve.ts";
import { HEAD_NAMES } from "../../architectures/draft_heads.ts";
import { readTokenMap } from "../../weights/token_map.ts";
import type { ProposerEntry } from "../proposer.ts";
import { defaultEntry, proposerEntries, proposerEntry } from "../registry.ts";
import { entryForHead, openDraftFiles, takesKind } from "./draft_files.ts";
import { planSpeculation } from "./speculation_plan.ts";

/** Speculation as opened from the flags. */
export interface OpenedSpeculation {
  /** Configuration of speculation; undefined without it. */
  readonly speculation: SpeculationConfig | undefined;
  /** Remarks for the log. */
  readonly notes: readonly string[];
}

/** Value of `--speculative-algorithm` that turns speculation off. */
const NO_ALGORITHM = "NONE";

/** The folder that paths of shipped heads are relative to. */
const REPOSITORY = new URL("../../../", import.meta.url);

/** Heads that draft with rows of the target's LM head, by a token map; others have a draft vocabulary of their own. */
const MAPPED_KINDS: readonly HeadKind[] = ["eagle", "mtp"];

/** Flags without effect unless there is a draft model or head. */
const NEED_DRAFT_MODEL = [
  ["speculativeDraftModelPath", "--speculative-draft-model-path"],
  ["speculativeDraftModelRevision", "--speculative-draft-model-revision"],
] as const;

/** Flags without effect unless there is an algorithm. */
const NEED_ALGORITHM = [
  ...NEED_DRAFT_MODEL,
  ["speculativeTokenMap", "--speculative-token-map"],
  ["speculativeNumSteps", "--speculative-num-steps"],
  ["speculativeEagleTopk", "--speculative-eagle-topk"],
  ["speculativeNumDraftTokens", "--speculative-num-draft-tokens"],
  ["speculativeAdaptive", "--speculative-adaptive"],
] as const;

/** A server of embeddings drafts nothing. */
function withoutGeneration(
  { speculativeAlgorithm: algorithm = NO_ALGORITHM }: ServerArgs,
): OpenedSpeculation {
  if (algorithm === NO_ALGORITHM) return { speculation: undefined, notes: [] };
  throw new LoadError(
    `Cannot use --speculative-algorithm ${algorithm} with --is-embedding, which generates nothing`,
  );
}

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
  if (given.isEmbedding) return withoutGeneration(given);
  const { args, note } = target.checkpoint.path === DEFAULT_MODEL.name
    ? withShippedHead(given)
    : { args: given };
  const algorithm = args.speculativeAlgorithm ?? NO_ALGORITHM;
  if (algorithm === NO_ALGORITHM) {
    for (const [name, flag] of NEED_ALGORITHM) {
      if (args[name]) throw new LoadError(`Cannot use ${flag} without --speculative-algorithm`);
    }
    return { speculation: undefined, notes: note === undefined ? [] : [note] };
  }
  const entry = proposerEntry(algorithm);
  for (const [name, flag] of NEED_DRAFT_MODEL) {
    if (entry.needs.files === "none" && args[name] !== undefined) {
      throw new LoadError(`Cannot use ${flag} with ${algorithm}, which drafts by itself`);
    }
  }
  const { config, notes: remarks } = planSpeculation(entry, args, target.checkpoint.config.architecture);
  const notes = [...remarks];
  const { draft, head } = await openDraftFiles(entry, args, target, options);
  const { name } = head === undefined ? entry : entryForHead(entry, head);
  if (name !== entry.name) {
    notes.push(
      `--speculative-algorithm ${entry.name} means ${name} with ${head!.path}: its head is ${
        HEAD_NAMES[head!.head.kind]
      }`,
    );
  }
  const map = await openTokenMap(algorithm, args, head, target.checkpoint.config.vocabSize, options);
  return {
    speculation: { ...config, algorithm: name, draft, head, hotTokens: map.hotTokens },
    notes: [...notes, ...map.notes],
  };
}

/** Reads the tokens that a head may draft (FR-Spec), where a flag names them. */
async function openTokenMap(
  algorithm: string,
  { speculativeTokenMap: map }: ServerArgs,
  head: HeadCheckpoint | undefined,
  vocabSize: number,
  options: ResolveOptions,
): Promise<{ readonly hotTokens: Int32Array | undefined; readonly notes: readonly string[] }> {
  if (map === undefined) return { hotTokens: undefined, notes: [] };
  if (head === undefined) {
    const supporting = proposerEntries.filter((entry) => MAPPED_KINDS.some((kind) => takesKind(entry, kind)));
    const names = supporting.map(({ name }) => name).join(" or ");
    throw new LoadError(`Cannot use --speculative-token-map with ${algorithm}, expected ${names}`);
  }
  if (MAPPED_KINDS.includes(head.head.kind)) {
    return { hotTokens: await readTokenMap(map, vocabSize, options), notes: [] };
  }
  const note =
    `--speculative-token-map ${map} is not used: an EAGLE-3 head has a draft vocabulary of its own`;
  return { hotTokens: undefined, notes: [note] };
}

/** Completes what was given for the default model by the heads that come with Aerie. */
function withShippedHead(given: ServerArgs): { readonly args: ServerArgs; readonly note?: string } {
  const { speculativeAlgorithm: algorithm = defaultEntry.name, speculativeDraftModelPath: path } = given;
  const head = algorithm === NO_ALGORITHM ? undefined : shippedHead(proposerEntry(algorithm));
  if (path !== undefined || head === undefined) return { args: given };
  if (existsSync(head)) {
    return { args: { ...given, speculativeAlgorithm: algorithm, speculativeDraftModelPath: head } };
  }
  return { args: given, note: `No speculation: there is no draft head at ${head}` };
}

function shippedHead({ needs }: ProposerEntry): string | undefined {
  const folder = needs.files === "head" ? needs.shipped : undefined;
  return folder && fileURLToPath(new URL(folder, REPOSITORY));
}
