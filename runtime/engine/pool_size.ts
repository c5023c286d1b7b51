/**
 * The size of the KV pool: what memory holds beside the weights, within what the flags say.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import { gigabytes } from "../contracts/gigabytes.ts";
import type { ServerArgs } from "../contracts/server_args.ts";
import type { SpeculationConfig } from "../contracts/speculation_config.ts";
import { type FreeMemory, MEMORY_BOUND } from "./device_memory.ts";
import { type MemoryConfig, memoryNeeds, tokenBytesOf } from "./memory_needs.ts";

/** Full contexts the pool holds at most where nothing else is said, on a host that others use, too. */
const NUM_CONTEXTS = 8;
/** The share of a GPU's free memory that is taken where nothing else is said. */
const GPU_SHARE = 0.88;

/** Slots are signed 32-bit numbers in the library. */
const MAX_POOL_TOKENS = 2 ** 31 - 1;

/** For what is not counted: the actors' JavaScript, buffers of the kernels, requests. */
const RESERVE_BYTES = 96 << 20;

/** What the size of the pool is settled by. */
export interface PoolOptions extends MemoryConfig {
  readonly args: ServerArgs;
  readonly speculation: SpeculationConfig | undefined;
  readonly free: FreeMemory;
}

/**
 * Tokens of the KV pool. With `--mem-fraction-static`, weights and pool take that share of what is free; without, a share
 * that suits a GPU, while on a CPU the pool takes half of what is free, but no more than a few full contexts.
 *
 * @throws {LoadError} if weights and pool do not fit what is free
 */
export function planPool({ args, speculation, free, ...config }: PoolOptions): number {
  const needs = memoryNeeds(config, speculation), tokenBytes = tokenBytesOf(needs);
  const { maxTotalTokens, memFractionStatic } = args, { path } = config.checkpoint;
  const weightBytes = needs.weightBytes + needs.draftWeightBytes;
  const fixedBytes = weightBytes + needs.activationBytes + RESERVE_BYTES;
  const leastBytes = fixedBytes + args.pageSize * tokenBytes;
  if (leastBytes > free.bytes) {
    throw new LoadError(
      `Cannot load ${path}: ${shortage(leastBytes, free)}, ${remedy(weightBytes, leastBytes, free)}`,
    );
  }
  const fitting = Math.floor((free.bytes - fixedBytes) / tokenBytes);
  if (maxTotalTokens !== undefined) {
    const neededBytes = fixedBytes + maxTotalTokens * tokenBytes;
    if (neededBytes > free.bytes) {
      throw new LoadError(
        `Cannot use --max-total-tokens ${maxTotalTokens}: ${shortage(neededBytes, free)}, ` +
          `--max-total-tokens ${fitting} fits`,
      );
    }
    return maxTotalTokens;
  }
  if (memFractionStatic === undefined && config.device === "cuda") {
    const share = Math.floor((free.bytes * GPU_SHARE - weightBytes) / tokenBytes);
    return Math.min(Math.max(share, args.pageSize), fitting, MAX_POOL_TOKENS);
  }
  if (memFractionStatic === undefined) {
    const half = Math.floor(free.bytes / 2 / tokenBytes);
    return Math.min(fitting, half, NUM_CONTEXTS * config.contextLength);
  }
  const share = Math.floor((free.bytes * memFractionStatic - weightBytes) / tokenBytes);
  if (share < args.pageSize) {
    throw new LoadError(
      `Cannot use --mem-fraction-static ${memFractionStatic}: weights and a page of KV take ${
        gigabytes(weightBytes + args.pageSize * tokenBytes)
      }, more than that share of the ${gigabytes(free.bytes)} that are free`,
    );
  }
  return Math.min(share, fitting, MAX_POOL_TOKENS);
}

/** What makes a model fit that does not. */
function remedy(weightBytes: number, leastBytes: number, { bytes }: FreeMemory): string {
  return weightBytes > bytes || weightBytes > leastBytes / 2
    ? `${gigabytes(weightBytes)} of it for weights: --dtype bfloat16 or a quantised file makes them smaller`
    : "most of it for forwards: a smaller --chunked-prefill-size or --max-running-requests makes them smaller";
}

function shortage(neededBytes: number, { bytes, boundBy }: FreeMemory): string {
  return `needs ${neededBytes} bytes (${gigabytes(neededBytes)}), ` +
    `${bytes} bytes (${gigabytes(bytes)}) are free ${MEMORY_BOUND[boundBy]}`;
}
