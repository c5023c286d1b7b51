/**
 * Handles of native objects: plain u32 numbers that the type checker keeps apart. 0 is "none".
 *
 * @module
 */

declare const kind: unique symbol;
type Handle<Kind extends string> = number & { readonly [kind]: Kind };

/** A native context: threads, memory, error text. */
export type ContextId = Handle<"context">;
/** A mapped file. */
export type FileId = Handle<"file">;
/** A matrix in the backend's layout. */
export type WeightId = Handle<"weight">;
/** A matrix [rows, cols], float32 unless created with another type. */
export type TensorId = Handle<"tensor">;
/** The rows of one forward. */
export type BatchId = Handle<"batch">;
/** Keys and values of one model. */
export type KvId = Handle<"kv">;
/** A graph: recorded ops. */
export type GraphId = Handle<"graph">;
/** Sampling parameters and results. */
export type SamplerId = Handle<"sampler">;
/** A launch of a graph, to wait for, poll and read results by. */
export type TicketId = Handle<"ticket">;
