/**
 * What a race is run with.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";
import { samples } from "./samples.ts";

/** Which run starts first, `taking turns` by turns. */
const ORDERS = ["taking turns", "speculation first", "plain first", "at once"] as const;

/** What a race is run with, as the form has it. */
export interface RaceSettings {
  readonly prompt: string;
  /** The same for both runs. */
  readonly seed: number;
  readonly temperature: number;
  /** Tokens of an answer at most. */
  readonly maxTokens: number;
  readonly order: typeof ORDERS[number];
}

/** Properties of {@linkcode RaceForm}. */
export interface RaceFormProps {
  readonly settings: RaceSettings;
  readonly isRunning: boolean;
  /** Whether a race was run before. */
  readonly isAgain: boolean;
  readonly onChange: (settings: Partial<RaceSettings>) => void;
  readonly onStart: () => void;
  readonly onStop: () => void;
}

type Input = { readonly currentTarget: HTMLInputElement & HTMLTextAreaElement & HTMLSelectElement };

/** The form. One button starts and stops, so that the focus stays where it is. */
export function RaceForm(
  { settings, isRunning, isAgain, onChange, onStart, onStop }: RaceFormProps,
): VNode {
  const { prompt, seed, temperature, maxTokens, order } = settings;
  const submit = (event: Event) => {
    event.preventDefault();
    if (!isRunning) onStart();
  };
  // The button may become a submit button before the browser acts on the click.
  const stop = (event: Event) => {
    event.preventDefault();
    onStop();
  };
  const number = (name: "seed" | "temperature" | "maxTokens") => ({ currentTarget }: Input) => {
    if (currentTarget.validity.valid) onChange({ [name]: currentTarget.valueAsNumber });
  };
  return html`
    <form class="race-form" onSubmit=${submit}>
      <label>
        Prompt
        <textarea
          required
          rows="3"
          dir="auto"
          value=${prompt}
          onInput=${({ currentTarget }: Input) => onChange({ prompt: currentTarget.value })}
        ></textarea>
      </label>
      <div class="race-samples" role="group" aria-label="Sample prompts">
        ${samples.map((sample) =>
          html`
            <button
              type="button"
              aria-pressed=${String(sample.prompt === prompt)}
              onClick=${() => onChange({ prompt: sample.prompt })}
            >
              ${sample.name}
            </button>
          `
        )}
      </div>
      <div class="race-fields">
        <label>
          Seed
          <input type="number" required step="1" value=${seed} onInput=${number("seed")} />
        </label>
        <label>
          Temperature
          <input
            type="number"
            required
            step="any"
            min="0"
            max="2"
            value=${temperature}
            onInput=${number("temperature")}
          />
        </label>
        <label>
          Tokens at most
          <input type="number" required step="1" min="1" value=${maxTokens} onInput=${number("maxTokens")} />
        </label>
        <label>
          Order
          <select
            value=${order}
            onChange=${({ currentTarget }: Input) =>
              onChange({ order: currentTarget.value as RaceSettings["order"] })}
          >
            ${ORDERS.map((name) => html`<option value=${name}>${name}</option>`)}
          </select>
        </label>
        <button
          class="primary race-start"
          type=${isRunning ? "button" : "submit"}
          onClick=${isRunning ? stop : undefined}
        >
          ${isRunning ? "Stop" : isAgain ? "Run again" : "Start the race"}
        </button>
      </div>
    </form>
  ` as VNode;
}
