/**
 * The flags of speculative decoding.
 *
 * @module
 */
import { z } from "zod";
import { flag, type FlagOf, fraction, integer, oneOf, revision, text } from "./flag_values.ts";

const aRate = "expected numbers from 0 to 1, separated by commas";

/** See `flagSchema`. */
export const speculationSchema = {
  speculativeAlgorithm: oneOf("EAGLE", "EAGLE3", "NEXTN", "STANDALONE", "NGRAM", "NONE", "SYNTHETIC")
    .exactOptional(),
  speculativeDraftModelPath: text.exactOptional(),
  speculativeDraftModelRevision: revision.exactOptional(),
  speculativeNumSteps: integer(1, 63).exactOptional(),
  speculativeEagleTopk: integer(1, 20).exactOptional(),
  speculativeNumDraftTokens: integer(2, 64).exactOptional(),
  speculativeAdaptive: flag,
  speculativeTokenMap: text.exactOptional(),
  speculativeAcceptThresholdSingle: fraction.default(1),
  speculativeAcceptThresholdAcc: fraction.default(1),
  speculativeNgramMinBfsBreadth: integer(1, 20).default(1),
  speculativeNgramMaxBfsBreadth: integer(1, 20).default(10),
  speculativeNgramMatchType: oneOf("BFS", "PROB").default("BFS"),
  speculativeNgramMaxTrieDepth: integer(2, 64).default(18),
  speculativeNgramCapacity: integer(1, 16_000_000).default(1_000_000),
  speculativeSyntheticAcceptance: z.string().regex(/^(0|1|0?\.\d+)(,(0|1|0?\.\d+))*$/, aRate)
    .transform((rates) => rates.split(",").map(Number)).default([]),
};

/** See `flagGroups`. */
export const speculationFlags: readonly FlagOf<keyof typeof speculationSchema>[] = [
  {
    name: "speculativeAlgorithm",
    flags: "--speculative-algorithm <name>",
    help:
      "EAGLE, EAGLE3, NEXTN, STANDALONE, NGRAM or NONE. Default: by model, NONE without a draft head for it",
  },
  {
    name: "speculativeDraftModelPath",
    flags: "--speculative-draft-model, --speculative-draft-model-path <path>",
    help: "Draft head or draft model: folder, .gguf file or hub id",
  },
  {
    name: "speculativeDraftModelRevision",
    flags: "--speculative-draft-model-revision <name>",
    help: "Branch, tag or commit of a draft head or draft model from the hub. Default: main",
  },
  {
    name: "speculativeNumSteps",
    flags: "--speculative-num-steps <levels>",
    help: "Levels of a draft tree. Default: automatic",
  },
  {
    name: "speculativeEagleTopk",
    flags: "--speculative-eagle-topk <count>",
    help: "Children of a node, and nodes kept per level; 1 for a chain. Default: automatic",
  },
  {
    name: "speculativeNumDraftTokens",
    flags: "--speculative-num-draft-tokens <count>",
    help: "Nodes of a draft tree, its root counted, at most 64. Default: automatic",
  },
  {
    name: "speculativeAdaptive",
    flags: "--speculative-adaptive",
    help: "Draft less than the three flags above say where more does not pay, as without those flags",
  },
  {
    name: "speculativeTokenMap",
    flags: "--speculative-token-map <path>",
    help: "Tokens that a draft head may propose: .pt, .json or .safetensors file, or hub owner/repo/file",
  },
  {
    name: "speculativeAcceptThresholdSingle",
    flags: "--speculative-accept-threshold-single <probability>",
    help: "Accept a draft of at least this probability. Below 1 sampled text is no longer the model's own",
  },
  {
    name: "speculativeAcceptThresholdAcc",
    flags: "--speculative-accept-threshold-acc <probability>",
    help:
      "Divides the probability of drafts before the draw. Below 1 sampled text is no longer the model's own",
  },
  {
    name: "speculativeNgramMinBfsBreadth",
    flags: "--speculative-ngram-min-bfs-breadth <count>",
    help: "NGRAM: children of a node after the longest match",
  },
  {
    name: "speculativeNgramMaxBfsBreadth",
    flags: "--speculative-ngram-max-bfs-breadth <count>",
    help: "NGRAM: children of a node after the shortest match",
  },
  {
    name: "speculativeNgramMatchType",
    flags: "--speculative-ngram-match-type <type>",
    help: "NGRAM: BFS for the latest continuations first, PROB for the most frequent",
  },
  {
    name: "speculativeNgramMaxTrieDepth",
    flags: "--speculative-ngram-max-trie-depth <tokens>",
    help: "NGRAM: longest run of tokens remembered",
  },
  {
    name: "speculativeNgramCapacity",
    flags: "--speculative-ngram-capacity <nodes>",
    help: "NGRAM: runs remembered, then all are forgotten; about 50 bytes each. SGLang has 10000000",
  },
  {
    name: "speculativeSyntheticAcceptance",
    flags: "--speculative-synthetic-acceptance <rates>",
    help: "SYNTHETIC: how often drafts of depth 1, 2, ... are right",
    isHidden: true,
  },
];
