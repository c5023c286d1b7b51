/**
 * The panel of a verification round: its draft tree, what became of it, and its time beside a plain step's.
 *
 * @module
 */
import type { SpeculationRound } from "../api/answer.ts";
import { countOf } from "../ui/count.ts";
import { html, type VNode } from "../ui/html.ts";
import { type DraftNodes, draftNodesOf } from "./draft_nodes.ts";
import { DraftTreeView } from "./draft_tree_view.ts";
import { formatMs, type PlainStep, timesOf } from "./round_facts.ts";
import { visibleText } from "./visible_text.ts";

/** Properties of {@linkcode RoundPanel}. */
export interface RoundPanelProps {
  readonly round: SpeculationRound;
  /** Its number, from 0, among how many. */
  readonly index: number;
  readonly numRounds: number;
  /** Text of the token before the round; undefined for that of the prompt. */
  readonly rootText: string | undefined;
  readonly plainStep: PlainStep | undefined;
  /** Shows another round. */
  readonly onStep: (round: number) => void;
  readonly onClose: () => void;
}

/** A round. */
export function RoundPanel(props: RoundPanelProps): VNode {
  const { round, index, numRounds, rootText, plainStep, onStep, onClose } = props;
  const tree = draftNodesOf(round);
  return html`
    <div class="round-panel-head">
      <h4>Round ${index + 1} <small>of ${numRounds}</small></h4>
      <button type="button" aria-label="Previous round" disabled=${index === 0} onClick=${() =>
        onStep(index - 1)}>←</button>
      <button
        type="button"
        aria-label="Next round"
        disabled=${index === numRounds - 1}
        onClick=${() => onStep(index + 1)}
      >→</button>
      <button type="button" aria-label="Close" onClick=${onClose}>✕</button>
    </div>
    <p class="round-yield">
      ${round.tokens.map((_, token) => html`<${TokenChip} key=${token} round=${round} token=${token} />`)}
    </p>
    <p>${tree ? outcomeOf(tree, round) : whyPlain(index)}</p>
    ${tree && html`<${DraftTreeView} tree=${tree} rootText=${rootText} />`}
    <${RoundTimesView} round=${round} isFirst=${index === 0} plainStep=${plainStep} />
  ` as VNode;
}

function TokenChip({ round, token }: { readonly round: SpeculationRound; readonly token: number }): VNode {
  const { text, origin } = round.tokens[token]!;
  // A token that ends the answer adds no text; its node knows its name.
  const shown = text || (round.tree?.texts[round.accepted[token] ?? -1] ?? "");
  return html`<span class=${`token ${origin}`}>${visibleText(shown)}</span>` as VNode;
}

function outcomeOf({ numDrafts, numAccepted, left }: DraftNodes, { tokens }: SpeculationRound): string {
  const accepted = `${numAccepted} of ${countOf(numDrafts, "draft")} accepted`;
  if (left.reason === "ended") return `${accepted}; the answer ends with them.`;
  const { text } = tokens.at(-1)!;
  const drawn = `the model drew ${
    text === "" ? "a token that adds no text by itself" : `“${visibleText(text)}”`
  }`;
  if (left.reason === "no more drafts") return `${accepted}, a whole path; behind it ${drawn}.`;
  const others = left.numDrafts === 1 ? "the draft" : `the ${left.numDrafts} drafts`;
  return `${accepted}; then ${drawn}: the draw was not among ${others} here.`;
}

function whyPlain(index: number): string {
  if (index === 0) {
    return "No tree: this step read the prompt and drew the first token. Drafts begin behind it.";
  }
  return "No tree: nothing was drafted in this step. The server drafts where it expects tokens to come faster so, " +
    "and takes plain steps in between to compare.";
}

function RoundTimesView({ round, isFirst, plainStep }: {
  readonly round: SpeculationRound;
  readonly isFirst: boolean;
  readonly plainStep: PlainStep | undefined;
}): VNode | null {
  const { draft_ms: draftMs, verify_ms: verifyMs } = round;
  const { totalMs, numTokens, msPerToken, ratio } = timesOf(round, plainStep);
  const perToken = numTokens > 1 ? ` for ${countOf(numTokens, "token")}, ${formatMs(msPerToken)} each` : "";
  const longest = Math.max(totalMs, plainStep?.ms ?? 0) || 1;
  const bar = (name: string, ms: number) =>
    html`<span class=${`bar ${name}`} style=${{ inlineSize: `${100 * ms / longest}%` }}></span>`;
  if (isFirst) return html`<p class="round-times">It took ${formatMs(verifyMs)}.</p>` as VNode;
  return html`
    <div class="round-times">
      <p>
        ${draftMs > 0 ? `Draft ${formatMs(draftMs)} + verification ${formatMs(verifyMs)} = ` : "This round: "}
        ${formatMs(totalMs)}${perToken}
      </p>
      <div class="bars" aria-hidden="true">${bar("draft", draftMs)}${bar("verify", verifyMs)}</div>
      ${plainStep && html`
        <p>A plain step, one token: ${formatMs(plainStep.ms)} (${plainStep.source === "answer"
          ? "the median of this answer's plain rounds"
          : "as the server measured it at its start"})</p>
        <div class="bars" aria-hidden="true">${bar("plain", plainStep.ms)}</div>
      `}
      ${ratio !== undefined && round.tree !== null &&
        html`<p><strong>${ratioText(ratio)}</strong> per token.</p>`}
    </div>
  ` as VNode;
}

function ratioText(ratio: number): string {
  const text = ratio.toFixed(2);
  return text === "1.00" ? "As fast as plain" : `${text} times as fast as plain`;
}
