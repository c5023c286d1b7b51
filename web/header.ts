/**
 * The header: name, model, tabs, switches.
 *
 * @module
 */
import type { Playground } from "./chat/playground.ts";
import type { SettingsValues } from "./chat/settings.ts";
import { html, type VNode } from "./ui/html.ts";
import { Icon } from "./ui/icon.ts";
import { useValue } from "./ui/observable.ts";

/** What the page shows. */
export type Tab = "chat" | "race";

/** Properties of {@linkcode Header}. */
export interface HeaderProps {
  readonly playground: Playground;
  readonly tab: Tab;
  readonly onTab: (tab: Tab) => void;
  /** Absent where the conversations are in sight. */
  readonly onMenu: (() => void) | undefined;
  readonly onKeys: () => void;
  readonly hasSettings: boolean;
  readonly onSettings: () => void;
}

const TABS: readonly (readonly [Tab, string])[] = [["chat", "Chat"], ["race", "Race"]];
const NEXT_THEME: Readonly<Record<SettingsValues["theme"], SettingsValues["theme"]>> = {
  auto: "dark",
  dark: "light",
  light: "auto",
};

/** The header. */
export function Header(props: HeaderProps): VNode {
  const { playground, tab, onTab, onMenu, onKeys, hasSettings, onSettings } = props;
  const { facts, status } = useValue(playground.connection.state);
  const theme = useValue(playground.settings.values, (values) => values.theme);
  const themeText = `Colours: ${theme === "auto" ? "as the system" : theme}`;
  return html`
    <header class="top">
      ${onMenu !== undefined && html`
        <button type="button" class="quiet round" aria-label="Conversations" onClick=${onMenu}>
          <${Icon} name="menu" />
        </button>
      `}
      <div class="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M6 16 15 16 25 8M15 16 25 24" />
          <circle cx="6" cy="16" r="4" /><circle cx="15" cy="16" r="4" /><circle cx="25" cy="8" r="4" />
          <circle class="open" cx="25" cy="24" r="3" />
        </svg>
        <h1>Aerie</h1>
      </div>
      <p class="model" data-status=${status}>
        ${facts === undefined ? { locked: "locked", lost: "no server" }[status as string] ?? "…" : html`
          <strong>${facts.modelName}</strong>
          <span>${facts.algorithm ?? "no speculation"}</span>
        `}
      </p>
      <${Tabs} tab=${tab} onTab=${onTab} />
      <div class="switches">
        <button type="button" class="quiet round is-spare" aria-label=${themeText} title=${themeText}
          onClick=${() => playground.settings.set({ theme: NEXT_THEME[theme] })}>
          <${Icon} name="theme" />
        </button>
        <button type="button" class="quiet round is-spare" aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts" onClick=${onKeys}>
          <${Icon} name="keys" />
        </button>
        <button type="button" class="quiet round" aria-label="Settings" title="Settings"
          aria-expanded=${hasSettings ? "true" : "false"} onClick=${onSettings}>
          <${Icon} name="sliders" />
        </button>
      </div>
    </header>
  ` as VNode;
}

function Tabs({ tab, onTab }: Pick<HeaderProps, "tab" | "onTab">): VNode {
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const next = tab === "chat" ? "race" : "chat";
    onTab(next);
    document.getElementById(`tab-${next}`)!.focus();
  };
  return html`
    <div class="tabs" role="tablist" aria-label="Views" onKeyDown=${pressed}>
      ${TABS.map(([name, label]) =>
        html`
          <button
            type="button"
            role="tab"
            id=${`tab-${name}`}
            aria-controls=${`panel-${name}`}
            aria-selected=${tab === name ? "true" : "false"}
            tabindex=${tab === name ? 0 : -1}
            onClick=${() => onTab(name)}
          >
            ${label}
          </button>
        `
      )}
    </div>
  ` as VNode;
}
