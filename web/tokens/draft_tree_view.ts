/**
 * A draft tree drawn, and the same as a nested list for screen readers.
 *
 * @module
 */
import { html, useLayoutEffect, useRef, type VNode } from "../ui/html.ts";
import { childrenOf, type DraftNode, type DraftNodes, ROOT } from "./draft_nodes.ts";
import { formatProbability } from "./round_facts.ts";
import { type Box, layOutTree, type PlacedNode } from "./tree_layout.ts";
import { cellsOf, shortVisibleText, spokenText } from "./visible_text.ts";

const MAX_CELLS = 10;
/** The text of the token before, of which the end says most. */
const MAX_ROOT_CELLS = 6;
/** Pixels. */
const CELL_WIDTH = 7.3;
const PADDING = 5;
const NODE_HEIGHT = 32;
const MIN_WIDTH = 44;
const MARGIN = 3;
const GAP = 14;
const ROW_GAP = 6;
/** To how much of its size a tree shrinks to fit its box. */
const MIN_SCALE = 0.82;

/** Properties of {@linkcode DraftTreeView}. */
export interface DraftTreeViewProps {
  readonly tree: DraftNodes;
  /** Text of the token before the round; undefined for that of the prompt. */
  readonly rootText: string | undefined;
}

/** A round's tree. */
export function DraftTreeView({ tree: { nodes }, rootText }: DraftTreeViewProps): VNode {
  const root = rootText === undefined ? "prompt" : shortVisibleText(rootText, MAX_ROOT_CELLS);
  const box = useRef<HTMLDivElement>(null);
  const { root: rootBox, nodes: placed, width, height } = layOutTree(nodes, {
    nodeHeight: NODE_HEIGHT,
    columnGap: GAP,
    rowGap: ROW_GAP,
    widthOf: ({ text }) => widthOfText(shortVisibleText(text, MAX_CELLS)),
    rootWidth: widthOfText(root),
  });
  const size = { width: width + 2 * MARGIN, height: height + 2 * MARGIN };
  // Of a tree that is too wide, the end of the path that was drawn comes into view.
  const end = placed.findLast(({ node, y }) => node.kind !== "rejected" && y === 0) ?? rootBox;
  useLayoutEffect(() => {
    box.current!.scrollTop = 0;
    const scale = box.current!.querySelector("svg")!.clientWidth / size.width;
    box.current!.scrollLeft = scale * (end.x + end.width) + 2 * GAP - box.current!.clientWidth;
  }, [nodes]);
  return html`
    <div class="draft-tree" tabindex="0" role="group" aria-label="Draft tree" ref=${box}>
      <svg
        ...${size}
        style=${{
          inlineSize: `min(${size.width}px, max(100% - 12px, ${MIN_SCALE * size.width}px))`,
          blockSize: "auto",
        }}
        viewBox=${`${-MARGIN} ${-MARGIN} ${size.width} ${size.height}`}
        aria-hidden="true"
        focusable="false"
      >
        ${placed.map((place) => html`<path class=${`edge ${place.node.kind}`} d=${edgeOf(place)} />`)}
        <g class="node root">
          ${boxOf(rootBox)}
          ${textOf(rootBox, 20, root, "text")}
        </g>
        ${placed.map(nodeOf)}
      </svg>
      <div class="hidden">
        <p>After ${rootText === undefined ? "the prompt" : `“${spokenText(rootText)}”`}:</p>
        ${listOf(nodes, ROOT)}
      </div>
    </div>
  ` as VNode;
}

function nodeOf(place: PlacedNode): unknown {
  const { node } = place;
  return html`
    <g class=${`node ${node.kind}`} key=${node.index} data-node=${node.index}>
      <title>${describeNode(node)}</title>
      ${boxOf(place)}
      ${textOf(place, 14, shortVisibleText(node.text, MAX_CELLS), "text")}
      ${textOf(place, 27, numberOf(node), "number")}
    </g>
  `;
}

function boxOf({ x, y, width, height }: Box): unknown {
  return html`<rect ...${{ x, y, width, height }} rx="5" />`;
}

function textOf({ x, y, width }: Box, line: number, text: string, name: string): unknown {
  return html`<text class=${name} x=${x + width / 2} y=${y + line}>${text}</text>`;
}

/** Straight along the row, else down a line that all children of a node share. */
function edgeOf({ x, y, height, from }: PlacedNode): string {
  const start = from.x + from.width, turn = start + GAP / 2, radius = 5;
  const y1 = from.y + from.height / 2, y2 = y + height / 2;
  if (y1 === y2) return `M${start} ${y1}H${x}`;
  return `M${start} ${y1}H${turn}V${y2 - radius}Q${turn} ${y2} ${turn + radius} ${y2}H${x}`;
}

function listOf(nodes: readonly DraftNode[], parent: number): unknown {
  const children = childrenOf(nodes, parent);
  if (children.length === 0) return null;
  return html`
    <ul>
      ${children.map((node) =>
        html`<li key=${node.index}>“${spokenText(node.text)}”: ${describeNode(node)} ${
          listOf(nodes, node.index)
        }</li>`
      )}
    </ul>
  `;
}

function describeNode({ kind, conditional, product }: DraftNode): string {
  if (kind === "drawn") return "drawn by the model, not among the drafts";
  const numbers = `${formatProbability(conditional!)} by the drafter, ${
    formatProbability(product!)
  } with the path to it`;
  return `${kind === "accepted" ? "accepted" : "not drawn"}, ${numbers}`;
}

function numberOf({ kind, conditional }: DraftNode): string {
  if (kind === "drawn") return "drawn";
  return `${kind === "accepted" ? "✓ " : ""}${formatProbability(conditional!)}`;
}

function widthOfText(text: string): number {
  return Math.max(MIN_WIDTH, cellsOf(text) * CELL_WIDTH + 2 * PADDING);
}
