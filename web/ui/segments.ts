/**
 * A choice of one of a few, side by side.
 *
 * @module
 */
import { html, type VNode } from "./html.ts";

/** Properties of {@linkcode Segments}. */
export interface SegmentsProps<T extends string> {
  /** What is chosen; said, not shown. */
  readonly legend: string;
  /** Name of the choice, which no other one on the page has. */
  readonly name: string;
  /** What each choice is called. */
  readonly labels: Readonly<Record<T, string>>;
  readonly value: T;
  readonly onChange: (value: T) => void;
}

/** Choices of which one is taken. */
export function Segments<T extends string>(props: SegmentsProps<T>): VNode {
  const { legend, name, labels, value, onChange } = props;
  return html`
    <fieldset class="segments">
      <legend class="hidden">${legend}</legend>
      ${(Object.entries(labels) as [T, string][]).map(([choice, label]) =>
        html`
          <label>
            <input type="radio" name=${name} checked=${value === choice} onChange=${() => onChange(choice)} />
            <span>${label}</span>
          </label>
        `
      )}
    </fieldset>
  ` as VNode;
}
