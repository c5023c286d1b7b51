/**
 * Places of a draft tree's nodes: levels are columns, and the first child stands in the row of its parent, so that the
 * path that was drawn is a straight line along the top. Each other node stands as high as its column has room for it and
 * for the straight line behind it, which keeps lines from crossing.
 *
 * @module
 */
import { childrenOf, type DraftNode, ROOT } from "./draft_nodes.ts";

/** Lengths that a layout is made with, in pixels. */
export interface TreeMeasures {
  readonly nodeHeight: number;
  /** Between columns and between rows. */
  readonly columnGap: number;
  readonly rowGap: number;
  /** Width of a node. */
  widthOf(node: DraftNode): number;
  readonly rootWidth: number;
}

/** A box with its upper left corner; pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A node and its place. */
export interface PlacedNode extends Box {
  readonly node: DraftNode;
  /** The box of its parent. */
  readonly from: Box;
}

/** A tree laid out, from (0, 0). */
export interface TreeLayout {
  readonly root: Box;
  readonly nodes: readonly PlacedNode[];
  readonly width: number;
  readonly height: number;
}

/** Lays out a tree. */
export function layOutTree(nodes: readonly DraftNode[], measures: TreeMeasures): TreeLayout {
  const { nodeHeight: height, columnGap, rowGap, widthOf, rootWidth } = measures;
  const columns: number[] = [];
  const measure = (parent: number, level: number) => {
    for (const node of childrenOf(nodes, parent)) {
      columns[level] = Math.max(columns[level] ?? 0, widthOf(node));
      measure(node.index, level + 1);
    }
  };
  measure(ROOT, 0);
  const starts = [rootWidth + columnGap];
  for (const width of columns) starts.push(starts.at(-1)! + width + columnGap);

  const root: Box = { x: 0, y: 0, width: rootWidth, height }, placed: PlacedNode[] = [];
  /** The first row of each column that is free. */
  const free: number[] = columns.map(() => 0);
  const freeRow = (node: DraftNode, level: number): number => {
    const [first] = childrenOf(nodes, node.index);
    return Math.max(free[level]!, first === undefined ? 0 : freeRow(first, level + 1));
  };
  const place = (parent: number, from: Box, row: number, level: number) => {
    for (const [index, node] of childrenOf(nodes, parent).entries()) {
      const at = index === 0 ? row : Math.max(row, freeRow(node, level));
      const y = at * (height + rowGap), box = { x: starts[level]!, y, width: columns[level]!, height };
      placed.push({ ...box, node, from });
      free[level] = at + 1;
      place(node.index, box, at, level + 1);
    }
  };
  place(ROOT, root, 0, 0);
  const numRows = Math.max(1, ...free);
  return {
    root,
    nodes: placed,
    width: starts.at(-1)! - columnGap,
    height: numRows * (height + rowGap) - rowGap,
  };
}
