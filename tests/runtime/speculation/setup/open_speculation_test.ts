/**
 * What the speculation flags name must fit the target; what does not is refused at start.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ServerArgs } from "../../../../runtime/contracts/server_args.ts";
import { openSpeculation } from "../../../../runtime/speculation/setup/open_speculation.ts";
import { openCheckpoint } from "../../../../runtime/weights/checkpoint.ts";
import { DEFAULT_MODEL } from "../../../../runtime/weights/default_model.ts";
import { resolveModel } from "../../../../runtime/weights/resolve.ts";
import { needsModel } from "../../../support/model_file.ts";
import { defaultArgs } from "../../../support/test_engine.ts";
import { writeTinyHead } from "../../../support/tiny_head.ts";
import { TINY_CONFIG, writeTinyModel } from "../../../support/tiny_model.ts";

const { ignore, path } = needsModel();

/** Runs `body` with a tiny target and the folder it is in. */
async function withTarget(
  body: (
    open: (args: Partial<ServerArgs>) => ReturnType<typeof openSpeculation>,
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await writeTinyModel(`${folder}/target`, { kind: "safetensors", seed: 1 });
    const target = await openCheckpoint(await resolveModel(`${folder}/target`));
    await body((args) => openSpeculation({ ...defaultArgs, ...args }, target), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("other models than the default one do not speculate unless asked", () =>
  withTarget(async (open) => {
    assert.equal((await open({})).speculation, undefined);
    assert.equal((await open({ speculativeAlgorithm: "NONE" })).speculation, undefined);
    assert.equal((await open({ speculativeAlgorithm: "NGRAM" })).speculation?.algorithm, "NGRAM");
  }));

Deno.test({
  name: "the default model speculates with the head that comes with Aerie, unless told otherwise",
  ignore,
  async fn() {
    const { checkpoint, tokenizerSource } = await openCheckpoint(await resolveModel(path));
    const target = { checkpoint: { ...checkpoint, path: DEFAULT_MODEL.name }, tokenizerSource };
    const open = async (args: Partial<ServerArgs>) =>
      (await openSpeculation({ ...defaultArgs, ...args }, target)).speculation;
    const speculation = await open({});
    assert.equal(speculation?.algorithm, "EAGLE3");
    assert.equal(speculation.head?.head.kind, "eagle3");
    assert.ok(speculation.adaptive);
    assert.deepEqual((await open({ speculativeAlgorithm: "EAGLE3" }))?.head?.path, speculation.head.path);
    assert.equal((await open({ speculativeAlgorithm: "EAGLE" }))?.head?.head.kind, "eagle");
    assert.equal((await open({ speculativeNumSteps: 2 }))?.numSteps, 2);
    assert.equal(await open({ speculativeAlgorithm: "NONE" }), undefined);
  },
});

Deno.test("flags that would do nothing, or lack what they need, are refused", () =>
  withTarget(async (open) => {
    await assert.rejects(open({ speculativeDraftModelPath: "x" }), /--speculative-draft-model-path without/);
    await assert.rejects(open({ speculativeTokenMap: "x" }), /--speculative-token-map without/);
    await assert.rejects(open({ speculativeNumSteps: 5 }), /--speculative-num-steps without/);
    const none = { speculativeAlgorithm: "NONE" };
    await assert.rejects(open({ ...none, speculativeAdaptive: true }), /--speculative-adaptive without/);
    await assert.rejects(
      open({ speculativeAlgorithm: "NGRAM", speculativeDraftModelPath: "x" }),
      /--speculative-draft-model-path with NGRAM/,
    );
    const revised = { speculativeDraftModelRevision: "v1" };
    await assert.rejects(open(revised), /--speculative-draft-model-revision without/);
    await assert.rejects(
      open({ ...revised, speculativeAlgorithm: "NGRAM" }),
      /--speculative-draft-model-revision with NGRAM/,
    );
    for (const speculativeAlgorithm of ["STANDALONE", "EAGLE"]) {
      const args = { ...revised, speculativeAlgorithm, speculativeDraftModelPath: "heads" };
      await assert.rejects(open(args), /heads at revision v1: it is not from the hub/);
    }
    for (const speculativeAlgorithm of ["STANDALONE", "EAGLE", "EAGLE3", "NEXTN"]) {
      await assert.rejects(open({ speculativeAlgorithm }), /--speculative-draft-model-path is missing/);
    }
  }));

Deno.test("a draft model has the target's tokens under the target's numbers, or is refused", () =>
  withTarget(async (open, folder) => {
    const path = `${folder}/draft`,
      args = { speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath: path };
    await writeTinyModel(path, { kind: "safetensors", seed: 2, config: { numLayers: 1 } });
    const { speculation } = await open(args);
    assert.equal(speculation?.draft?.config.numLayers, 1);
    const file = `${path}/tokenizer.json`, json = JSON.parse(await Deno.readTextFile(file));
    const { vocab } = json.model, [one, other] = Object.keys(vocab).slice(50, 52) as [string, string];
    [vocab[one], vocab[other]] = [vocab[other], vocab[one]];
    await Deno.writeTextFile(file, JSON.stringify(json));
    await assert.rejects(open(args), {
      name: "LoadError",
      message: /its token ".*" is \d+, not \d+, expected the vocabulary/,
    });
  }));

Deno.test("a draft model has the target's pieces where these have scores", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const paths = [`${folder}/target`, `${folder}/draft`] as const, speculativeDraftModelPath = paths[1];
    for (const [seed, path] of paths.entries()) {
      await writeTinyModel(path, { kind: "safetensors", seed });
      const file = `${path}/tokenizer.json`, json = JSON.parse(await Deno.readTextFile(file));
      const { vocab } = json.model, texts = Object.keys(vocab).toSorted((a, b) => vocab[a] - vocab[b]);
      json.model = { type: "Unigram", "unk_id": 0, vocab: texts.map((text) => [text, -1]) };
      await Deno.writeTextFile(file, JSON.stringify(json));
    }
    const target = await openCheckpoint(await resolveModel(paths[0]));
    const args = { ...defaultArgs, speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath };
    assert.equal((await openSpeculation(args, target)).speculation?.draft?.path, paths[1]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a head is of a kind that the algorithm drafts with, or is refused with the algorithm to use", () =>
  withTarget(async (open, folder) => {
    const cases = [
      ["eagle", "EAGLE", undefined],
      ["eagle", "NEXTN", undefined],
      ["mtp", "NEXTN", undefined],
      ["eagle3", "EAGLE3", undefined],
      [
        "eagle3",
        "EAGLE",
        /with --speculative-algorithm EAGLE: its tensors are those of an EAGLE-3 head, expected --speculative-algorithm EAGLE3$/,
      ],
      [
        "eagle",
        "EAGLE3",
        /its tensors are those of an EAGLE or EAGLE-2 head, expected --speculative-algorithm EAGLE$/,
      ],
      ["mtp", "EAGLE", undefined],
      ["mtp", "EAGLE3", /those of MTP layers, expected .*NEXTN$/],
    ] as const;
    for (const [kind, speculativeAlgorithm, refusal] of cases) {
      const path = `${folder}/${kind}`;
      await writeTinyHead(path, { kind, seed: 2, target: TINY_CONFIG });
      const opened = open({ speculativeAlgorithm, speculativeDraftModelPath: path });
      if (refusal) await assert.rejects(opened, { name: "LoadError", message: refusal });
      else {
        const { speculation, notes } = await opened;
        assert.equal(speculation?.head?.head.kind, kind);
        // As in SGLang, whose name for both is EAGLE.
        const isNextN = kind === "mtp" || speculativeAlgorithm === "NEXTN";
        assert.equal(speculation?.algorithm, isNextN ? "NEXTN" : speculativeAlgorithm);
        assert.equal(
          notes.some((note) => note.includes("EAGLE means NEXTN")),
          kind === "mtp" && speculativeAlgorithm === "EAGLE",
        );
      }
    }
  }));

Deno.test("a token map picks rows of the target's LM head: others refuse it, or say that it is not used", () =>
  withTarget(async (open, folder) => {
    await writeTinyHead(`${folder}/eagle3`, { kind: "eagle3", seed: 2, target: TINY_CONFIG });
    await Deno.writeTextFile(`${folder}/map.json`, "[3, 1, 2]");
    const map = { speculativeTokenMap: `${folder}/map.json` };
    await assert.rejects(open({ ...map, speculativeAlgorithm: "NGRAM" }), {
      name: "LoadError",
      message: "Cannot use --speculative-token-map with NGRAM, expected EAGLE or NEXTN",
    });
    const path = { speculativeDraftModelPath: `${folder}/eagle3` };
    const { speculation, notes } = await open({ ...map, ...path, speculativeAlgorithm: "EAGLE3" });
    assert.equal(speculation?.hotTokens, undefined);
    assert.match(notes.join(), /map\.json is not used: an EAGLE-3 head has a draft vocabulary of its own/);
  }));
