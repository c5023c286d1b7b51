/**
 * Key, system prompt, sampling fields, and what the server says of itself.
 *
 * @module
 */
import { html, useEffect, useRef, type VNode } from "../ui/html.ts";
import { useValue } from "../ui/observable.ts";
import { Segments } from "../ui/segments.ts";
import { TextBox } from "../ui/text_box.ts";
import { EngineFacts } from "./engine_facts.ts";
import { KeyField } from "./key_field.ts";
import type { Playground } from "./playground.ts";
import { type SettingField, settingFields } from "./setting_fields.ts";
import type { SettingsValues } from "./settings.ts";

const THEMES: Readonly<Record<SettingsValues["theme"], string>> = {
  auto: "As the system",
  light: "Light",
  dark: "Dark",
};

/** Properties of {@linkcode SettingsPanel}. */
export interface SettingsPanelProps {
  readonly playground: Playground;
}

/** All settings. */
export function SettingsPanel({ playground }: SettingsPanelProps): VNode {
  const { settings, wantedField } = playground;
  const { system, texts, theme } = useValue(settings.values);
  const faults = useValue(settings.faults), wanted = useValue(wantedField);
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (wanted === undefined) return;
    element.current!.querySelector<HTMLElement>(`#setting-${wanted}`)?.focus();
    wantedField.value = undefined;
  }, [wanted]);
  return html`
    <div class="settings" ref=${element}>
      <${KeyField} playground=${playground} />
      <section>
        <h3 id="system-title">System prompt</h3>
        <${TextBox}
          label="System prompt"
          placeholder="None: the model's own, if it has one"
          value=${system}
          onInput=${(text: string) => settings.set({ system: text })}
        />
      </section>
      <section>
        <h3>Sampling</h3>
        <div class="fields">
          ${settingFields.map((field) =>
            html`
              <${Field}
                key=${field.name}
                field=${field}
                text=${texts[field.name] ?? ""}
                fault=${faults[field.name]}
                onInput=${(text: string) => settings.setText(field.name, text)}
              />
            `
          )}
        </div>
        <button type="button" onClick=${() => settings.reset()}>Server's defaults</button>
      </section>
      <section>
        <h3>Appearance</h3>
        <${Segments} legend="Colours" name="theme" labels=${THEMES} value=${theme}
          onChange=${(theme: SettingsValues["theme"]) => settings.set({ theme })} />
      </section>
      <${EngineFacts} connection=${playground.connection} />
    </div>
  ` as VNode;
}

interface FieldProps {
  readonly field: SettingField;
  readonly text: string;
  readonly fault: string | undefined;
  readonly onInput: (text: string) => void;
}

function Field({ field: { name, label, hint, byDefault, kind }, text, fault, onInput }: FieldProps): VNode {
  const id = `setting-${name}`;
  const shared = {
    id,
    value: text,
    placeholder: byDefault,
    "aria-describedby": `${id}-hint${fault === undefined ? "" : ` ${id}-fault`}`,
    "aria-invalid": fault === undefined ? undefined : "true",
    onInput: (event: Event) => onInput((event.target as HTMLInputElement).value),
  };
  return html`
    <div class=${`field ${kind === "texts" ? "is-wide" : ""}`}>
      <label for=${id}>${label}</label>
      ${kind === "texts"
        ? html`<textarea rows="2" dir="auto" ...${shared}></textarea>`
        : html`<input inputmode=${kind === "number" ? "decimal" : "text"} autocomplete="off" ...${shared} />`}
      <small id=${`${id}-hint`}>${hint}</small>
      ${fault !== undefined && html`<p class="fault" id=${`${id}-fault`}>${fault}</p>`}
    </div>
  ` as VNode;
}
