/**
 * A Worker that waits for launches of a context made elsewhere.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import { Context } from "../../ffi/context.ts";
import type { ContextId, TicketId } from "../../ffi/handles.ts";

/** What the Worker gets: first a context, then tickets. */
export type WaitingWork = { readonly libraryPath: string; readonly context: ContextId } | TicketId;

let context: Context | undefined;

self.onmessage = ({ data }: MessageEvent<WaitingWork>) => {
  if (typeof data === "object") {
    context = Context.attach(data.libraryPath, data.context);
    self.postMessage("attached");
    return;
  }
  context!.wait(data);
  self.postMessage(context!.poll(data) ? "done" : "not done");
};
