/**
 * What the user has set, kept in the browser.
 *
 * @module
 */
import { Observable } from "../ui/observable.ts";
import type { TextStorage } from "./browser_storage.ts";
import { fieldOf, settingFields, valueOf } from "./setting_fields.ts";

/** Everything that can be set, the API key aside. */
export interface SettingsValues {
  readonly system: string;
  /** Texts of sampling fields by their names in the API; those left empty are not sent. */
  readonly texts: Readonly<Record<string, string>>;
  readonly isSpeculative: boolean;
  readonly view: "tokens" | "reading";
  readonly theme: "auto" | "light" | "dark";
}

const KEY = "aerie.settings", API_KEY = "aerie.key";
const defaults: SettingsValues = {
  system: "",
  texts: {},
  isSpeculative: true,
  view: "tokens",
  theme: "auto",
};

/** Settings and API key. */
export class Settings {
  readonly #storage: TextStorage;
  readonly #session: TextStorage;
  readonly values: Observable<SettingsValues>;
  readonly apiKey: Observable<string>;
  /** Why the server refuses what a field has, by the field's name. */
  readonly faults = new Observable<Readonly<Record<string, string>>>({});

  /** The key is in `session`, and in `storage` only if the user wants so. */
  constructor(storage: TextStorage, session: TextStorage) {
    this.#storage = storage;
    this.#session = session;
    this.values = new Observable(parseValues(storage.get(KEY)));
    this.apiKey = new Observable(session.get(API_KEY) ?? storage.get(API_KEY) ?? "");
  }

  /** Whether the key outlives the tab. */
  get remembersKey(): boolean {
    return this.#storage.get(API_KEY) !== undefined;
  }

  /** Changes settings. */
  set(next: Partial<SettingsValues>): void {
    this.values.value = { ...this.values.value, ...next };
    this.#storage.set(KEY, JSON.stringify(this.values.value));
  }

  /** Changes the text of a sampling field, whose fault is then unknown. */
  setText(name: string, text: string): void {
    const { [name]: _fault, ...faults } = this.faults.value;
    this.faults.value = faults;
    this.set({ texts: { ...this.values.value.texts, [name]: text } });
  }

  /** Sets the sampling fields that have no text. */
  fill(texts: SettingsValues["texts"]): void {
    for (const [name, text] of Object.entries(texts)) {
      if (!this.values.value.texts[name]?.trim()) this.setText(name, text);
    }
  }

  /** Takes all sampling fields back to the server's defaults. */
  reset(): void {
    this.faults.value = {};
    this.set({ texts: {} });
  }

  /** Changes the key; it stays when the tab is closed if `remembers`. */
  setKey(key: string, remembers: boolean): void {
    this.apiKey.value = key;
    this.#session.set(API_KEY, key);
    if (remembers) this.#storage.set(API_KEY, key);
    else this.#storage.remove(API_KEY);
  }

  /** Notes that the server refuses a field; false if no setting has that name. */
  refuse(param: string, message: string): boolean {
    const field = fieldOf(param);
    if (field === undefined) return false;
    this.faults.value = { ...this.faults.value, [field.name]: message };
    return true;
  }
}

/** Fields of the API that the settings stand for, `speculative` aside. */
export function samplingFieldsOf({ texts }: SettingsValues): Readonly<Record<string, unknown>> {
  const entries = settingFields.map((field) => [field.name, valueOf(field, texts[field.name] ?? "")]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** All fields of the API that the settings stand for. */
export function fieldsOf(values: SettingsValues): Readonly<Record<string, unknown>> {
  return { ...samplingFieldsOf(values), ...(!values.isSpeculative && { speculative: false }) };
}

function parseValues(json: string | undefined): SettingsValues {
  try {
    const { system, texts, isSpeculative, view, theme } = JSON.parse(json ?? "{}") as Record<string, unknown>;
    return {
      system: typeof system === "string" ? system : defaults.system,
      texts: Object.fromEntries(
        settingFields.map(({ name }) => [name, (texts as Record<string, unknown> | undefined)?.[name]])
          .filter(([, text]) => typeof text === "string"),
      ),
      isSpeculative: isSpeculative !== false,
      view: view === "reading" ? view : "tokens",
      theme: theme === "light" || theme === "dark" ? theme : "auto",
    };
  } catch {
    return defaults;
  }
}
