/**
 * A text box that grows with its text.
 *
 * @module
 */
import { html, type RefObject, useLayoutEffect, useRef, type VNode } from "./html.ts";

/** Properties of {@linkcode TextBox}. */
export interface TextBoxProps {
  readonly id?: string;
  readonly label: string;
  readonly placeholder?: string;
  readonly value: string;
  readonly onInput: (text: string) => void;
  /** Called with Enter; Shift and Enter make a new line. Without it Enter does. */
  readonly onEnter?: () => void;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
  readonly element?: RefObject<HTMLTextAreaElement>;
}

/** A text box that grows with its text, up to what its style allows. */
export function TextBox(props: TextBoxProps): VNode {
  const own = useRef<HTMLTextAreaElement>(null), element = props.element ?? own;
  useLayoutEffect(() => {
    if (CSS.supports("field-sizing", "content")) return;
    const { style } = element.current!;
    style.height = "auto";
    style.height = `${element.current!.scrollHeight}px`;
  }, [props.value]);
  const pressed = (event: KeyboardEvent) => {
    // Enter also ends the composition of a character, by 229 in browsers that say so too late.
    const composes = event.isComposing || event.keyCode === 229;
    if (event.key === "Enter" && !event.shiftKey && !composes && props.onEnter !== undefined) {
      event.preventDefault();
      props.onEnter();
    } else if (!composes) {
      props.onKeyDown?.(event);
    }
  };
  return html`
    <textarea
      id=${props.id}
      ref=${element}
      rows="1"
      dir="auto"
      aria-label=${props.label}
      placeholder=${props.placeholder}
      value=${props.value}
      onInput=${(event: Event) => props.onInput((event.target as HTMLTextAreaElement).value)}
      onKeyDown=${pressed}
    ></textarea>
  ` as VNode;
}
