/**
 * Llama (Touvron et al. 2023) and models of its form, the decoder without any settings: norms in front of attention and
 * MLP, SwiGLU. What else such models have (biases, norms of queries and keys, windows, multipliers) their checkpoint and
 * configuration state.
 *
 * @module
 */
import { Decoder } from "../nn/decoder.ts";

/** Llama with a language-model head. */
export class Llama extends Decoder {}
