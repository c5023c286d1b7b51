/**
 * Components that are drawn again only when their properties change.
 *
 * @module
 */
import { Component, html, type VNode } from "./html.ts";

/** A component that is drawn again only when one of its properties is another value than before. */
export function memo<P extends object>(draw: (props: P) => VNode): new (props: P) => Component<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const keys = new Set([...Object.keys(next), ...Object.keys(this.props)]) as Set<keyof P>;
      return [...keys].some((key) => next[key] !== (this.props as P)[key]);
    }

    override render(): VNode {
      return html`<${draw} ...${this.props} />` as VNode;
    }
  };
}
