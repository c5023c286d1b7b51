/**
 * Tiny models and heads in the place of those that the mission's command lines name, of the same shape.
 *
 * @module
 */
import { join } from "node:path";
import type { ModelConfig } from "../../runtime/contracts/checkpoint.ts";
import { MTP_PREFIX } from "../../runtime/architectures/draft_heads.ts";
import { tinyHeadTensors, writeTinyHead } from "./tiny_head.ts";
import { tinyConfig, writeTinyModel } from "./tiny_model.ts";

/** A Llama of enough layers for the states that an EAGLE-3 head takes. */
const TARGET: ModelConfig = tinyConfig({ numLayers: 4, numHeads: 4, numKvHeads: 2, headDim: 32 });
/** A MiMo, which has its MTP layer in its own files. */
const MIMO: ModelConfig = { ...TARGET, architecture: "MiMoForCausalLM" };
/** Tokens that FR-Spec's heads propose. */
const HOT_TOKENS = Array.from({ length: 96 }, (_, i) => i + 160);

/** The files, in a folder that goes with them. */
export class MissionModels implements AsyncDisposable {
  readonly folder: string;
  /** A Llama with no head. */
  readonly target: string;
  readonly eagle3: string;
  /** A MiMo with one MTP layer. */
  readonly mimo: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.target = join(folder, "target");
    this.eagle3 = join(folder, "eagle3");
    this.mimo = join(folder, "mimo");
  }

  static async write(): Promise<MissionModels> {
    const models = new MissionModels(await Deno.makeTempDir());
    const { folder, target, eagle3, mimo } = models;
    await writeTinyModel(target, { kind: "safetensors", seed: 3, config: TARGET });
    await writeTinyHead(eagle3, { kind: "eagle3", seed: 4, target: TARGET });
    await writeTinyHead(join(folder, "eagle"), { kind: "eagle", seed: 5, target: TARGET });
    const mtp = tinyHeadTensors({ kind: "mtp", seed: 6, target: MIMO, hasQkvBias: true }).values();
    await writeTinyModel(mimo, {
      kind: "safetensors",
      seed: 3,
      config: MIMO,
      beside: mtp.filter(({ name }) => name.startsWith(MTP_PREFIX)).toArray(),
    });
    await Deno.writeTextFile(join(folder, "hot.json"), JSON.stringify(HOT_TOKENS));
    return models;
  }

  /** The arguments of a command line, with the names of the hub replaced by files. */
  argumentsOf(line: string): string[] {
    const args = line.split(" ");
    const replace = (flag: string, value: string) => {
      const at = args.indexOf(flag);
      if (at >= 0) args[at + 1] = value;
    };
    replace("--model", this.target);
    replace("--model-path", line.includes("MiMo") ? this.mimo : this.target);
    replace("--host", "127.0.0.1");
    replace("--speculative-token-map", join(this.folder, "hot.json"));
    const head = line.includes("EAGLE3") ? this.eagle3 : join(this.folder, "eagle");
    replace("--speculative-draft-model-path", head);
    return args;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
