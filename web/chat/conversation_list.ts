/**
 * The list of conversations.
 *
 * @module
 */
import { html, useLayoutEffect, useRef, useState, type VNode } from "../ui/html.ts";
import { Icon } from "../ui/icon.ts";
import { useValue } from "../ui/observable.ts";
import { type Conversation, titleOf } from "./conversation.ts";
import type { Playground } from "./playground.ts";

/** Properties of {@linkcode ConversationList}. */
export interface ConversationListProps {
  readonly playground: Playground;
  /** Called when one was chosen or begun. */
  readonly onChosen: () => void;
}

/** All conversations, to choose, rename and delete. */
export function ConversationList({ playground, onChosen }: ConversationListProps): VNode {
  const { conversations, answering } = playground;
  const { list, currentId } = useValue(conversations.state);
  const growing = useValue(answering.growing, (answers) => [...answers.keys()].join(" "));
  const [renamed, setRenamed] = useState<string>();
  const begin = () => {
    playground.begin();
    onChosen();
  };
  const rename = (id: string, title: string) => {
    setRenamed(undefined);
    conversations.change(id, { title: title.trim() }, { stays: true });
    requestAnimationFrame(() => document.getElementById(`chat-${id}`)?.focus());
  };
  const item = (conversation: Conversation) => {
    const { id } = conversation, title = titleOf(conversation);
    if (id === renamed) {
      return html`<${TitleBox} title=${title} onEnd=${(next: string) => rename(id, next)} />`;
    }
    return html`
      <button
        type="button"
        id=${`chat-${id}`}
        class="chat-name"
        dir="auto"
        aria-current=${id === currentId ? "true" : undefined}
        onClick=${() => {
          conversations.select(id);
          onChosen();
        }}
      >
        ${title}
      </button>
      ${growing.includes(id) && html`<span class="busy"><span class="hidden">is being answered</span></span>`}
      <span class="tools">
        <button type="button" class="quiet" aria-label="Rename ${title}" title="Rename"
          onClick=${() => setRenamed(id)}>
          <${Icon} name="edit" />
        </button>
        <button type="button" class="quiet" aria-label="Delete ${title}" title="Delete"
          onClick=${() => {
            playground.remove(id);
            requestAnimationFrame(() => document.getElementById("new-chat")?.focus());
          }}>
          <${Icon} name="trash" />
        </button>
      </span>
    `;
  };
  return html`
    <div class="chats">
      <button type="button" id="new-chat" class="new-chat" onClick=${begin}>
        <${Icon} name="plus" /> New chat
      </button>
      <ul aria-label="Conversations">
        ${list.map((conversation) => html`<li key=${conversation.id}>${item(conversation)}</li>`)}
      </ul>
    </div>
  ` as VNode;
}

interface TitleBoxProps {
  readonly title: string;
  readonly onEnd: (title: string) => void;
}

function TitleBox({ title, onEnd }: TitleBoxProps): VNode {
  const [text, setText] = useState(title), element = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => element.current!.select(), []);
  const pressed = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "Enter") onEnd(text);
    if (event.key === "Escape") {
      // Not the dialog that the list may be in.
      event.preventDefault();
      event.stopPropagation();
      onEnd(title);
    }
  };
  return html`
    <input ref=${element} class="title-box" dir="auto" aria-label="Name" maxlength="200" value=${text}
      onInput=${(event: Event) => setText((event.target as HTMLInputElement).value)}
      onKeyDown=${pressed} onBlur=${() => onEnd(text)} />
  ` as VNode;
}
