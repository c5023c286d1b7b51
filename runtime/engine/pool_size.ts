/**
 * The size of the KV pool: what memory holds beside the weights, within what the flags say.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import type { ServerArgs } from "../contracts/server_args.ts";
import type { SpeculationConfig } from "../contracts/speculation_config.ts";
import { type FreeMemory, MEMORY_BOUND } from "./device_memory.ts";
import { type MemoryConfig, memoryNeeds, tokenBytesOf } from "./memory_needs.ts";

/** Full contexts the pool holds at most, unless asked for more. */
const NUM_CONTEXTS = 8;

/** For what is not counted: the actors' JavaScript, buffers of the kernels, requests. */
const RESERVE_BYTES = 96 << 20;

/** What the size of the pool is settled by. */
export interface PoolOptions extends MemoryConfig {
  readonly args: ServerArgs;
  readonly speculation: SpeculationConfig | undefined;
  readonly free: FreeMemory;
}

/**
 * Tokens of the KV pool. With `--mem-fraction-static`, weights and pool take that share of what is free; without, the
 * pool takes half of it, but no more than a few full contexts.
 *
 * @throws {LoadError} if weights and pool do not fit what is free
 */
export function planPool({ args, speculation, free, ...config }: PoolOptions): number {
  const needs = memoryNeeds(config, speculation), tokenBytes = tokenBytesOf(needs);
  const { maxTotalTokens, memFractionStatic } = args, { path } = config.checkpoint;
  const weightBytes = needs.weightBytes + needs.draftWeightBytes;
  const fixedBytes = weightBytes + needs.activationBytes + RESERVE_BYTES;
  const leastBytes = fixedBytes + args.pageSize * tokenBytes;
  if (leastBytes > free.bytes) throw new LoadError(`Cannot load ${path}: ${shortage(leastBytes, free)}`);
  if (maxTotalTokens !== undefined) {
    const neededBytes = fixedBytes + maxTotalTokens * tokenBytes;
    if (neededBytes > free.bytes) {
      throw new LoadError(`Cannot use --max-total-tokens ${maxTotalTokens}: ${shortage(neededBytes, free)}`);
    }
    return maxTotalTokens;
  }
  const fitting = Math.floor((free.bytes - fixedBytes) / tokenBytes);
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
  return Math.min(share, fitting);
}

function shortage(neededBytes: number, { bytes, boundBy }: FreeMemory): string {
  return `needs ${neededBytes} bytes (${gigabytes(neededBytes)}), ` +
    `${bytes} bytes (${gigabytes(bytes)}) are free ${MEMORY_BOUND[boundBy]}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GB`;
}
