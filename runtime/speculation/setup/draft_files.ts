/**
 * Opens the files that a proposer needs, and checks that they fit the target: one function per kind of need, none per
 * algorithm.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Checkpoint } from "../../contracts/checkpoint.ts";
import { LoadError } from "../../contracts/errors.ts";
import type { ServerArgs } from "../../contracts/server_args.ts";
import type { HeadCheckpoint, HeadKind, SpeculationConfig } from "../../contracts/speculation_config.ts";
import { idsByText, type TokenizerJson } from "../../tokenizer/source.ts";
import { openCheckpoint, type OpenedCheckpoint } from "../../weights/checkpoint.ts";
import { openDraftHead } from "../../weights/draft_checkpoint.ts";
import { HEAD_NAMES } from "../../architectures/draft_heads.ts";
import { resolveModel, type ResolveOptions } from "../../weights/resolve.ts";
import type { ProposerEntry } from "../proposer.ts";
import { proposerEntries } from "../registry.ts";

/** Files that a proposer drafts with: a draft model, a draft head or neither. */
export type DraftFiles = Pick<SpeculationConfig, "draft" | "head">;

/**
 * Opens draft model or head, as `entry` needs it; weights are not touched.
 *
 * @throws {LoadError} if `--speculative-draft-model-path` is missing or names something that does not fit
 */
export async function openDraftFiles(
  entry: ProposerEntry,
  args: ServerArgs,
  target: OpenedCheckpoint,
  options: ResolveOptions,
): Promise<DraftFiles> {
  if (entry.needs.files === "none") return { draft: undefined, head: undefined };
  const path = args.speculativeDraftModelPath, { checkpoint } = target;
  const given = { ...options, revision: args.speculativeDraftModelRevision };
  if (
    entry.needs.files === "head" && checkpoint.hasOwnHead && (path ?? checkpoint.path) === checkpoint.path
  ) {
    return { draft: undefined, head: await openOwnHead(checkpoint) };
  }
  if (path === undefined) {
    throw new LoadError(
      `Cannot use --speculative-algorithm ${entry.name}: --speculative-draft-model-path is missing`,
    );
  }
  if (entry.needs.files === "model") {
    return { draft: await openDraftModel(path, target, given), head: undefined };
  }
  return { draft: undefined, head: await openDraftHead({ ...given, path, target: checkpoint }) };
}

/** The head that lies in the target's own files. */
async function openOwnHead(target: Checkpoint): Promise<HeadCheckpoint> {
  const { files, path } = target;
  return { ...await openDraftHead({ path: dirname(files[0]!), files, target }), path };
}

/** Whether a proposer drafts with heads of this kind. */
export function takesKind({ needs }: ProposerEntry, kind: HeadKind): boolean {
  return needs.files === "head" && needs.kinds.includes(kind);
}

/**
 * The proposer for an opened head: the given one, or the one that it stands for with heads of this kind.
 *
 * @throws {LoadError} naming the algorithm that drafts with them, if the given one does not
 */
export function entryForHead(entry: ProposerEntry, { path, head: { kind } }: HeadCheckpoint): ProposerEntry {
  if (takesKind(entry, kind)) return entry;
  const usual = proposerEntries.find((entry) => takesKind(entry, kind))!;
  if (entry.needs.files === "head" && entry.needs.standsFor === usual.name) return usual;
  throw new LoadError(
    `Cannot use ${path} with --speculative-algorithm ${entry.name}: its tensors are those of ${
      HEAD_NAMES[kind]
    }, expected --speculative-algorithm ${usual.name}`,
  );
}

async function openDraftModel(
  path: string,
  target: OpenedCheckpoint,
  options: ResolveOptions,
): Promise<Checkpoint> {
  const draft = await openCheckpoint(await resolveModel(path, options));
  const difference = differingToken(draft.tokenizerSource.json, target.tokenizerSource.json);
  if (difference !== undefined) {
    throw new LoadError(
      `Cannot draft with ${path}: ${difference}, expected the vocabulary of ${target.checkpoint.path}`,
    );
  }
  return draft.checkpoint;
}

/** The first token that two vocabularies number differently, in words; undefined if there is none. */
function differingToken(draft: TokenizerJson, target: TokenizerJson): string | undefined {
  const ids = idsByText(target);
  for (const [token, id] of idsByText(draft)) {
    if (ids.get(token) !== id) {
      return `its token ${JSON.stringify(token)} is ${id}, not ${ids.get(token) ?? "there"}`;
    }
    ids.delete(token);
  }
  const [missing] = ids.keys();
  return missing === undefined ? undefined : `it lacks token ${JSON.stringify(missing)}`;
}
