/**
 * The frame of the page: header, conversations, tabs, settings.
 *
 * @module
 */
import { ChatPanel } from "./chat/chat_panel.ts";
import { ConversationList } from "./chat/conversation_list.ts";
import { focusQuestion } from "./chat/focus.ts";
import { LiveRegions } from "./chat/live_regions.ts";
import type { Playground } from "./chat/playground.ts";
import { samplingFieldsOf } from "./chat/settings.ts";
import { SettingsPanel } from "./chat/settings_panel.ts";
import { Header, type Tab } from "./header.ts";
import { LoadView } from "./load/load_view.ts";
import { RaceView } from "./race/race_view.ts";
import { ShortcutsDialog } from "./shortcuts_dialog.ts";
import { Dialog } from "./ui/dialog.ts";
import { html, useEffect, useLayoutEffect, useMemo, useState, type VNode } from "./ui/html.ts";
import { useMedia } from "./ui/media.ts";
import { useValue } from "./ui/observable.ts";

/** Properties of {@linkcode Shell}. */
export interface ShellProps {
  readonly playground: Playground;
}

/** The page. */
export function Shell({ playground }: ShellProps): VNode {
  const [tab, setTab] = useState<Tab>("chat"), [wasRace, setWasRace] = useState(false);
  const isWide = useMedia("(min-width: 900px)"), isWidest = useMedia("(min-width: 1200px)");
  const [hasList, setList] = useState(false), [hasKeys, setKeys] = useState(false);
  const [hasSettings, setSettings] = useState(isWidest);
  const values = useValue(playground.settings.values), apiKey = useValue(playground.settings.apiKey);
  const wanted = useValue(playground.wantedField);
  useEffect(() => setSettings(isWidest), [isWidest]);
  // At once: an effect of a later frame would close a list that was opened meanwhile.
  useLayoutEffect(() => setList(false), [isWide]);
  useEffect(() => {
    if (wanted !== undefined) setSettings(true);
  }, [wanted]);
  useEffect(() => {
    document.documentElement.style.colorScheme = values.theme === "auto" ? "" : values.theme;
  }, [values.theme]);
  useShortcuts(playground, () => setTab("chat"), () => setKeys(true));
  const choose = (next: Tab) => {
    setTab(next);
    if (next === "race") setWasRace(true);
  };
  const fields = useMemo(() => samplingFieldsOf(values), [values]);
  const list = html`
    <${ConversationList} playground=${playground} onChosen=${() => {
      setTab("chat");
      setList(false);
      requestAnimationFrame(focusQuestion);
    }} />
    <div class="load">
      <${LoadView} apiKey=${apiKey} />
    </div>
  `;
  return html`
    <a class="skip" href="#question" onClick=${(event: Event) => {
      // A fragment would stay in the address.
      event.preventDefault();
      setTab("chat");
      requestAnimationFrame(() => document.getElementById("question")?.focus());
    }}>Skip to the question</a>
    <div class="shell ${hasSettings && isWidest ? "has-settings" : ""}">
      <${Header}
        playground=${playground}
        tab=${tab}
        onTab=${choose}
        onMenu=${isWide ? undefined : () => setList(true)}
        onKeys=${() => setKeys(true)}
        hasSettings=${hasSettings}
        onSettings=${() => setSettings(!hasSettings)}
      />
      ${isWide && html`<nav class="side" aria-label="Conversations and load">${list}</nav>`}
      <main>
        <div role="tabpanel" id="panel-chat" aria-labelledby="tab-chat" hidden=${tab !== "chat"}>
          <${ChatPanel} playground=${playground} />
        </div>
        <div role="tabpanel" id="panel-race" aria-labelledby="tab-race" class="race-panel" hidden=${tab !==
          "race"}>
          ${wasRace && html`<${RaceView} apiKey=${apiKey} fields=${fields} system=${values.system} />`}
        </div>
      </main>
      ${isWidest && hasSettings && html`
        <aside class="side" aria-labelledby="settings-title">
          <h2 id="settings-title">Settings</h2>
          <${SettingsPanel} playground=${playground} />
        </aside>
      `}
    </div>
    ${!isWide && html`
      <${Dialog} title="Conversations" place="start" isOpen=${hasList} onClose=${() => setList(false)}>
        ${list}
      <//>
    `}
    ${!isWidest && html`
      <${Dialog} title="Settings" place="end" isOpen=${hasSettings} onClose=${() => setSettings(false)}>
        <${SettingsPanel} playground=${playground} />
        <//>
    `}
    <${ShortcutsDialog} isOpen=${hasKeys} onClose=${() => setKeys(false)} />
    <${LiveRegions} playground=${playground} />
  ` as VNode;
}

/** Keys that work everywhere in the page. */
function useShortcuts(playground: Playground, showChat: () => void, showKeys: () => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const { key, ctrlKey, metaKey, shiftKey, altKey } = event;
      if (!(ctrlKey || metaKey) || altKey || document.querySelector("dialog[open]") !== null) return;
      const isNew = shiftKey && key.toLowerCase() === "o", isHelp = !shiftKey && key === "/";
      if (!isNew && !isHelp) return;
      event.preventDefault();
      if (isHelp) return showKeys();
      playground.begin();
      showChat();
      requestAnimationFrame(focusQuestion);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [playground]);
}
