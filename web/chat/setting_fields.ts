/**
 * The sampling fields that the settings show.
 *
 * @module
 */

/** A field of the API as the settings show it. */
export interface SettingField {
  /** Name in the API. */
  readonly name: string;
  readonly label: string;
  /** What it does. */
  readonly hint: string;
  /** What the server does without it. */
  readonly byDefault: string;
  /** How its text is read: a number, an integer of 64 bits, or texts, one a line. */
  readonly kind: "number" | "seed" | "texts";
}

/** The fields in the order in which they are shown. The server checks what is typed. */
export const settingFields: readonly SettingField[] = [
  {
    name: "temperature",
    label: "Temperature",
    hint: "0 takes the most probable token",
    byDefault: "1",
    kind: "number",
  },
  {
    name: "max_completion_tokens",
    label: "Max tokens",
    hint: "Length of an answer, at most",
    byDefault: "what fits",
    kind: "number",
  },
  {
    name: "top_p",
    label: "Top p",
    hint: "Most probable tokens up to this sum",
    byDefault: "1",
    kind: "number",
  },
  {
    name: "top_k",
    label: "Top k",
    hint: "So many most probable tokens; 0 for all",
    byDefault: "0",
    kind: "number",
  },
  {
    name: "min_p",
    label: "Min p",
    hint: "Share of the greatest probability",
    byDefault: "0",
    kind: "number",
  },
  { name: "seed", label: "Seed", hint: "The same seed draws the same", byDefault: "random", kind: "seed" },
  {
    name: "frequency_penalty",
    label: "Frequency penalty",
    hint: "-2 to 2, for each repetition",
    byDefault: "0",
    kind: "number",
  },
  {
    name: "presence_penalty",
    label: "Presence penalty",
    hint: "-2 to 2, once a token was there",
    byDefault: "0",
    kind: "number",
  },
  {
    name: "repetition_penalty",
    label: "Repetition penalty",
    hint: "Divides the logits of repeated tokens",
    byDefault: "1",
    kind: "number",
  },
  {
    name: "stop",
    label: "Stop texts",
    hint: "One a line; \\n is a line break",
    byDefault: "none",
    kind: "texts",
  },
];

/** The field that a parameter of the API is, or lies in, e.g. `stop` for `stop[0]`; undefined if no setting has it. */
export function fieldOf(param: string): SettingField | undefined {
  const [name] = param.split(/[.[]/);
  return settingFields.find((field) => field.name === name);
}

/** The value that the API gets for a text; undefined for nothing. What is no number goes as it is, to be refused. */
export function valueOf({ kind }: SettingField, text: string): unknown {
  if (kind === "texts") {
    const texts = text.split("\n").filter((line) => line !== "").map(unescape);
    return texts.length === 0 ? undefined : texts;
  }
  const trimmed = text.trim(), number = Number(trimmed);
  if (trimmed === "") return undefined;
  // Integers beyond 2^53 would not arrive as they are.
  if (Number.isNaN(number) || kind === "seed" && !Number.isSafeInteger(number)) return trimmed;
  return number;
}

function unescape(text: string): string {
  return text.replaceAll(/\\([nt\\])/g, (_, letter) => letter === "n" ? "\n" : letter === "t" ? "\t" : "\\");
}
