/**
 * Where questions are typed.
 *
 * @module
 */
import { html, useEffect, useRef, useState, type VNode } from "../ui/html.ts";
import { Icon } from "../ui/icon.ts";
import { useValue } from "../ui/observable.ts";
import { Segments } from "../ui/segments.ts";
import { TextBox } from "../ui/text_box.ts";
import { CodeDialog } from "./code_dialog.ts";
import type { Playground } from "./playground.ts";
import type { SettingsValues } from "./settings.ts";

const VIEWS: Readonly<Record<SettingsValues["view"], string>> = { tokens: "Tokens", reading: "Reading" };

/** Properties of {@linkcode Composer}. */
export interface ComposerProps {
  readonly playground: Playground;
}

/** The text box with its buttons. What is typed is kept until it is sent. */
export function Composer({ playground }: ComposerProps): VNode {
  const { conversations, answering, settings } = playground;
  const id = useValue(conversations.state, ({ currentId }) => currentId);
  const goes = useValue(answering.growing, (answers) => answers.has(id));
  const { view, isSpeculative } = useValue(settings.values);
  const [typed, setTyped] = useState({ id, text: conversations.draftOf(id) }),
    [hasCode, setCode] = useState(false);
  const element = useRef<HTMLTextAreaElement>(null);
  const action = useRef<HTMLButtonElement>(null);
  const text = typed.id === id ? typed.text : conversations.draftOf(id);
  // The button that stopped the answer cannot be pressed any more.
  useEffect(() => {
    if (!goes && document.activeElement === action.current) element.current!.focus();
  }, [goes]);
  const input = (next: string) => {
    setTyped({ id, text: next });
    conversations.setDraft(id, next);
  };
  const send = () => {
    if (playground.send(text)) input("");
    element.current!.focus();
  };
  const stop = () => {
    answering.stop(id);
    element.current!.focus();
  };
  return html`
    <div class="composer">
      <${TextBox}
        id="question"
        label="Question"
        placeholder="Ask something"
        element=${element}
        value=${text}
        onInput=${input}
        onEnter=${send}
        onKeyDown=${(event: KeyboardEvent) => event.key === "Escape" && goes && stop()}
      />
      <div class="composer-bar">
        <${Segments} legend="Show answers as" name="view" labels=${VIEWS} value=${view}
          onChange=${(view: SettingsValues["view"]) => settings.set({ view })} />
        <label class="switch" title="Draft tokens ahead and verify them together">
          <input type="checkbox" role="switch" checked=${isSpeculative}
            onChange=${(event: Event) =>
              settings.set({ isSpeculative: (event.target as HTMLInputElement).checked })} />
          <span>Speculation</span>
        </label>
        <span class="space"></span>
        <button type="button" class="quiet" aria-label="Show as code" title="Show as code"
          onClick=${() => setCode(true)}>
          <${Icon} name="code" />
        </button>
        ${goes
          ? html`
            <button ref=${action} type="button" class="primary round" aria-label="Stop" title="Stop (Escape)"
              onClick=${stop}>
              <${Icon} name="stop" />
            </button>
          `
          : html`
            <button ref=${action} type="button" class="primary round" aria-label="Send" title="Send (Enter)"
              onClick=${send}
              disabled=${text.trim() === ""}>
              <${Icon} name="send" />
            </button>
          `}
      </div>
      <${CodeDialog} playground=${playground} question=${text} isOpen=${hasCode} onClose=${() =>
        setCode(false)} />
    </div>
  ` as VNode;
}
