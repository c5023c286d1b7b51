/**
 * A Worker that runs an op many times in a context made elsewhere.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { Context } from "../../ffi/context.ts";
import type { ContextId, TensorId } from "../../ffi/handles.ts";
import { siluMul } from "../../ffi/ops.ts";

/** The message that the Worker gets. */
export interface AttachedWork {
  readonly libraryPath: string;
  readonly context: ContextId;
  readonly x: TensorId;
  readonly rows: number;
  readonly cols: number;
  readonly repeats: number;
}

self.onmessage = ({ data }: MessageEvent<AttachedWork>) => {
  using context = Context.attach(data.libraryPath, data.context);
  const out = context.createTensor(data.rows, data.cols);
  const last = new Float32Array(data.rows * data.cols);
  for (let i = 0; i < data.repeats; i++) {
    const graph = context.record(() => siluMul(context, out, data.x));
    context.run(graph);
    context.readTensor(out, last, 0, data.rows);
  }
  self.postMessage(last);
};
