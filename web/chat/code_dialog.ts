/**
 * The next request as code.
 *
 * @module
 */
import { CopyButton } from "../ui/copy_button.ts";
import { Dialog } from "../ui/dialog.ts";
import { html, useState, type VNode } from "../ui/html.ts";
import { Segments } from "../ui/segments.ts";
import { messagesOf } from "./conversation.ts";
import type { Playground } from "./playground.ts";
import { requestCodes } from "./request_code.ts";
import { fieldsOf } from "./settings.ts";

type Language = keyof typeof requestCodes;

const LABELS: Readonly<Record<Language, string>> = {
  curl: "curl",
  python: "Python",
  typescript: "TypeScript",
};

/** Properties of {@linkcode CodeDialog}. */
export interface CodeDialogProps {
  readonly playground: Playground;
  /** As it is typed; without one the last question is shown. */
  readonly question: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** The request that the page would send, as code that runs. */
export function CodeDialog({ playground, question, isOpen, onClose }: CodeDialogProps): VNode {
  const [language, setLanguage] = useState<Language>("curl");
  const code = isOpen ? requestCodes[language](requestOf(playground, question)) : "";
  return html`
    <${Dialog} title="This request as code" isOpen=${isOpen} onClose=${onClose}>
      <div class="request-head">
        <${Segments} legend="Language" name="language" labels=${LABELS} value=${language}
          onChange=${setLanguage} />
        <${CopyButton} label="Copy code" text=${() => code} isWide />
      </div>
      <pre class="code" tabindex="0" role="region" aria-label="Code"><code>${code}</code></pre>
      ${playground.settings.apiKey.value !== "" && html`
        <p class="muted">The API key is read from the variable AERIE_API_KEY.</p>
      `}
    <//>
  ` as VNode;
}

function requestOf({ conversations, settings, connection }: Playground, question: string) {
  const { exchanges } = conversations.current, values = settings.values.value;
  const asked = question.trim() === "" && exchanges.length > 0
    ? exchanges
    : [...exchanges, { question: question.trim() === "" ? "Hello!" : question }];
  return {
    baseUrl: new URL("v1", document.baseURI).href,
    model: connection.state.value.facts?.modelName ?? "default",
    messages: messagesOf(asked, values.system),
    fields: fieldsOf(values),
    needsKey: settings.apiKey.value !== "",
  };
}
