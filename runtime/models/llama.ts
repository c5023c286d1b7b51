/**
 * Llama (Touvron et al. 2023) and models of its form: norms in front of attention and MLP, SwiGLU.
 *
 * @module
 */
import { Decoder } from "../nn/decoder.ts";

/** Llama with a language-model head: the decoder without any settings. */
export class Llama extends Decoder {}
