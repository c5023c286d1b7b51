/**
 * What the server and a tokenizer host say to each other.
 *
 * @module
 */
import type { WireError } from "../../contracts/errors.ts";
import type { ChatMessage, EncodeOptions, RenderOptions } from "../../contracts/chat.ts";

/** What a host is asked; it answers one request after the other. */
export type HostRequest =
  /** The body is a tokenizer's definition, see `source.ts`. */
  | { readonly type: "load" }
  | { readonly type: "encode"; readonly text: string; readonly options?: EncodeOptions | undefined }
  | {
    readonly type: "renderChat";
    readonly messages: readonly ChatMessage[];
    readonly options: RenderOptions & { readonly contextLength?: number };
  };

/** What a host answers. After `built` comes `tokens`, the tokens of a first short text, as i32 in the body. */
export type HostReply =
  | { readonly type: "built" }
  | { readonly type: "tokens" }
  | { readonly type: "failed"; readonly error: WireError };
