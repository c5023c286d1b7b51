/**
 * Changes a question that was asked.
 *
 * @module
 */
import { html, useLayoutEffect, useRef, useState, type VNode } from "../ui/html.ts";
import { TextBox } from "../ui/text_box.ts";
import type { Conversations } from "./conversations.ts";

/** Properties of {@linkcode QuestionEditor}. */
export interface QuestionEditorProps {
  readonly conversations: Conversations;
  /** Of the conversation. */
  readonly id: string;
  readonly index: number;
  readonly question: string;
  readonly onSend: (question: string) => void;
  readonly onCancel: () => void;
}

/** A text box in the place of a question. What is typed stays until it is sent or given up. */
export function QuestionEditor(props: QuestionEditorProps): VNode {
  const { conversations, id, index, question, onSend, onCancel } = props;
  const [text, setText] = useState(() => conversations.draftOf(id, index) || question);
  const element = useRef<HTMLTextAreaElement>(null);
  // Before the next key stroke.
  useLayoutEffect(() => {
    element.current!.focus();
    element.current!.setSelectionRange(text.length, text.length);
  }, []);
  const input = (next: string) => {
    setText(next);
    conversations.setDraft(id, next, index);
  };
  const leave = (end: () => void) => {
    const article = element.current!.closest("article");
    conversations.setDraft(id, "", index);
    end();
    // The button that opened this is there again after the next drawing.
    requestAnimationFrame(() => article?.querySelector<HTMLElement>('[aria-label="Edit question"]')?.focus());
  };
  const send = () => {
    if (text.trim() === "") return;
    conversations.setDraft(id, "", index);
    onSend(text);
  };
  return html`
    <div class="editor">
      <${TextBox}
        label="Edit question ${index + 1}"
        element=${element}
        value=${text}
        onInput=${input}
        onEnter=${send}
        onKeyDown=${(event: KeyboardEvent) => event.key === "Escape" && leave(onCancel)}
      />
      <div class="actions">
        <button type="button" class="quiet" onClick=${() => leave(onCancel)}>Cancel</button>
        <button type="button" class="primary" onClick=${send} disabled=${text.trim() === ""}>Send</button>
      </div>
    </div>
  ` as VNode;
}
