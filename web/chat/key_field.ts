/**
 * Where the API key is typed.
 *
 * @module
 */
import { html, useEffect, useState, type VNode } from "../ui/html.ts";
import { useValue } from "../ui/observable.ts";
import type { Playground } from "./playground.ts";

/** Time after the last key stroke, ms, after which the key is tried. */
const TRY_MS = 400;

/** Properties of {@linkcode KeyField}. */
export interface KeyFieldProps {
  readonly playground: Playground;
}

/** The API key, for this tab or for longer. */
export function KeyField({ playground: { settings, connection } }: KeyFieldProps): VNode {
  const key = useValue(settings.apiKey);
  const isLocked = useValue(connection.state, ({ status }) => status === "locked");
  const [remembers, setRemembers] = useState(settings.remembersKey);
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (connection.state.value.status === "asking") return;
    const timer = setTimeout(() => connection.ask(), TRY_MS);
    return () => clearTimeout(timer);
  }, [key]);
  return html`
    <section>
      <h3><label for="setting-key">API key</label></h3>
      <div class="key">
        <input
          id="setting-key"
          type=${isShown ? "text" : "password"}
          autocomplete="off"
          spellcheck=${false}
          value=${key}
          placeholder=${isLocked ? "The server asks for one" : "None"}
          aria-invalid=${isLocked ? "true" : undefined}
          aria-describedby="key-hint"
          onInput=${(event: Event) =>
            settings.setKey((event.target as HTMLInputElement).value.trim(), remembers)}
        />
        <button type="button" aria-pressed=${isShown ? "true" : "false"} onClick=${() => setShown(!isShown)}>
          Show
        </button>
      </div>
      <p id="key-hint" class=${isLocked ? "fault" : "muted"}>
        ${isLocked
          ? key === "" ? "The server asks for a key." : "The server does not take this key."
          : remembers
          ? "Kept in this browser."
          : "Kept until this tab is closed."}
      </p>
      <label class="check">
        <input type="checkbox" checked=${remembers}
          onChange=${(event: Event) => {
            const { checked } = event.target as HTMLInputElement;
            setRemembers(checked);
            settings.setKey(key, checked);
          }} />
        Remember it in this browser
      </label>
    </section>
  ` as VNode;
}
