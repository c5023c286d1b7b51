/**
 * The chat: conversation, notices, text box.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";
import { Banner } from "./banner.ts";
import { Composer } from "./composer.ts";
import { LegendRow } from "./legend_row.ts";
import { MessageList } from "./message_list.ts";
import type { Playground } from "./playground.ts";

/** Properties of {@linkcode ChatPanel}. */
export interface ChatPanelProps {
  readonly playground: Playground;
}

/** The conversation that is shown, with all that is needed to go on with it. */
export function ChatPanel({ playground }: ChatPanelProps): VNode {
  return html`
    <div class="chat">
      <${MessageList} playground=${playground} />
      <${LegendRow} playground=${playground} />
      <${Banner} playground=${playground} />
      <${Composer} playground=${playground} />
    </div>
  ` as VNode;
}
