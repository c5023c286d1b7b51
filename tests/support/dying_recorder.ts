/**
 * A Worker that begins to record in a context made elsewhere, says so and ends, as one does that is terminated then.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { Context } from "../../ffi/context.ts";
import type { ContextId } from "../../ffi/handles.ts";

self.onmessage = ({ data }: MessageEvent<{ libraryPath: string; context: ContextId }>) => {
  const context = Context.attach(data.libraryPath, data.context);
  context.check(context.native.aerie_graph_begin(context.id));
  self.postMessage("recording");
  self.close();
};
