/**
 * An answer as tokens by origin, with the panel of the round that is pointed at, focused or pinned.
 *
 * @module
 */
import type { Answer } from "../api/answer.ts";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState, type VNode } from "../ui/html.ts";
import { movePanel, uncover } from "./panel_moves.ts";
import { roomBeside } from "./panel_place.ts";
import { plainStepOf } from "./round_facts.ts";
import { RoundPanel } from "./round_panel.ts";
import { TokenText } from "./token_text.ts";

/** Milliseconds in which the mouse may go from a token to the panel. */
const LEAVE_MS = 250;

/** Properties of {@linkcode TokensView}. */
export interface TokensViewProps {
  readonly answer: Answer;
  /** Milliseconds of a plain step as the server measured it. */
  readonly plainStepMs: number | undefined;
}

/** Tokens that claim the panel, by index; a pinned one comes before one under the mouse, that before a focused one. */
interface Claims {
  readonly pinned?: number | undefined;
  readonly hovered?: number | undefined;
  readonly focused?: number | undefined;
}

/** Closes the panel that is open in any answer: there is one at a time. */
let giveWay: (() => void) | undefined;

/** Tokens by origin. */
export function TokensView({ answer, plainStepMs }: TokensViewProps): VNode {
  const [claims, setClaims] = useState<Claims>({});
  const view = useRef<HTMLDivElement>(null), host = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const leaving = useRef<number | undefined>(undefined);
  // For listeners, which effects renew only after a while.
  const latest = useRef(claims);
  latest.current = claims;
  const change = (changed: Claims) => setClaims((claims) => ({ ...claims, ...changed }));
  const hover = (hovered: number | undefined) => {
    clearTimeout(leaving.current);
    if (hovered !== undefined) change({ hovered });
    else leaving.current = setTimeout(() => change({ hovered }), LEAVE_MS);
  };
  const text = useMemo(() => {
    const text: TokenText = new TokenText({
      onHover: hover,
      onFocus: (focused, to) => {
        // Who goes on into the panel with the keyboard wants it to stay.
        const isKept = focused === undefined && panel.current?.contains(to as Node | null);
        setClaims((claims) => ({
          ...claims,
          focused,
          ...(isKept && { pinned: claims.pinned ?? claims.focused }),
        }));
      },
      onPick: (token) => {
        text.focus(token);
        setClaims(({ pinned }) => pinned === token ? {} : { pinned: token, focused: token });
      },
    });
    return text;
  }, []);
  const close = () => {
    const isInPanel = panel.current?.contains(document.activeElement);
    const { pinned } = latest.current;
    if (isInPanel && pinned !== undefined) text.focus(pinned);
    clearTimeout(leaving.current);
    setClaims({});
  };

  useLayoutEffect(() => {
    host.current!.append(text.element, text.description);
    const resized = new ResizeObserver(() => {
      const column = view.current!.getBoundingClientRect();
      text.element.style.marginRight = `${roomBeside(column, document.documentElement.clientWidth)}px`;
    });
    for (const element of [view.current!, document.documentElement]) resized.observe(element);
    return () => resized.disconnect();
  }, []);
  // Before the panel is drawn, which shows what the text has now.
  const isAnother = useMemo(() => !text.update(answer), [answer]);
  useLayoutEffect(() => {
    if (isAnother) setClaims({});
  }, [answer]);
  useEffect(() => () => {
    clearTimeout(leaving.current);
    text.dispose();
  }, []);

  const { flow } = text, claimed = claims.pinned ?? claims.hovered ?? claims.focused;
  const token = claimed === undefined ? undefined : flow.tokens[claimed];
  const mayScroll = claimed !== claims.hovered, isShown = token !== undefined;
  const round = token && flow.rounds[token.round];
  const plainStep = useMemo(() => plainStepOf(flow.rounds, plainStepMs), [flow.rounds, plainStepMs]);
  useLayoutEffect(() => {
    text.markRound(token?.round);
    text.setShown(isShown && claimed === (claims.pinned ?? claims.focused));
    if (!isShown) return;
    const place = () => {
      const isSheet = movePanel(panel.current!, text, claimed!, mayScroll);
      // Room to scroll the last lines to above the sheet.
      view.current!.classList.toggle("above-sheet", isSheet && mayScroll);
    };
    if (!panel.current!.matches(":popover-open")) panel.current!.showPopover();
    place();
    if (mayScroll) uncover(panel.current!, text, claimed!);
    // Told once at first, and when the window or the room for the text changes.
    const resized = new ResizeObserver(place);
    for (const element of [panel.current!, text.element, document.documentElement]) resized.observe(element);
    return () => {
      resized.disconnect();
      view.current?.classList.remove("above-sheet");
    };
  }, [round, claimed, mayScroll]);
  useEffect(() => {
    if (!isShown) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    };
    document.addEventListener("keydown", onKey, true);
    return () => document.removeEventListener("keydown", onKey, true);
  }, [isShown]);

  useEffect(() => {
    if (!isShown) return;
    const yieldPanel = () => setClaims({});
    giveWay?.();
    giveWay = yieldPanel;
    return () => {
      if (giveWay === yieldPanel) giveWay = undefined;
    };
  }, [isShown]);

  const showRound = (index: number) => {
    const pinned = Math.min(flow.firstOf(index), flow.tokens.length - 1);
    text.makeCurrent(pinned);
    setClaims({ pinned });
  };
  return html`
    <div class="answer answer-tokens" ref=${view}>
      <div ref=${host}></div>
      ${round && html`
        <div
          class="round-panel"
          popover="manual"
          role="region"
          aria-label="Verification round"
          ref=${panel}
          onPointerEnter=${() => clearTimeout(leaving.current)}
          onPointerLeave=${() => hover(undefined)}
        >
          <${RoundPanel}
            round=${round}
            index=${token!.round}
            numRounds=${flow.rounds.length}
            rootText=${flow.rounds[token!.round - 1]?.tokens.at(-1)?.text}
            plainStep=${plainStep}
            onStep=${showRound}
            onClose=${close}
          />
        </div>
      `}
    </div>
  ` as VNode;
}
