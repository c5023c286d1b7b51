/**
 * The conversation that is shown, which follows its end while it grows.
 *
 * @module
 */
import { html, useLayoutEffect, useRef, useState, type VNode } from "../ui/html.ts";
import { Icon } from "../ui/icon.ts";
import { useValue } from "../ui/observable.ts";
import { ExchangeView } from "./exchange_view.ts";
import type { Playground } from "./playground.ts";
import { Welcome } from "./welcome.ts";

/** Distance from the end within which it is followed, pixels. */
const NEAR = 8;

/** Properties of {@linkcode MessageList}. */
export interface MessageListProps {
  readonly playground: Playground;
}

/** The conversation that is shown. */
export function MessageList({ playground }: MessageListProps): VNode {
  const { conversations, answering, settings } = playground;
  const { id, exchanges } = useValue(conversations.state, () => conversations.current);
  const growing = useValue(answering.growing, (answers) => answers.get(id));
  const retryAt = useValue(answering.retries, (retries) => retries.get(id));
  const view = useValue(settings.values, (values) => values.view);
  const plainStepMs = useValue(playground.connection.state, ({ facts }) => facts?.plainStepMs);
  const last = exchanges.length - 1;
  const { scroller, scrolled, isFollowing, follow } = useFollowing(
    { isEmpty: last < 0, isGrowing: growing !== undefined },
    [id, exchanges, growing, view],
    [id, last],
  );
  return html`
    <div class="messages">
      <div class="scroller" ref=${scroller} onScroll=${scrolled} tabindex="0" role="region"
        aria-label="Conversation">
        <h2 class="hidden">Conversation</h2>
        ${exchanges.length === 0 && html`<${Welcome} playground=${playground} />`}
        <ol class="exchanges">
          ${exchanges.map(({ question, answer }, index) =>
            html`
              <${ExchangeView}
                key=${`${id}.${index}`}
                playground=${playground}
                id=${id}
                index=${index}
                question=${question}
                answer=${index === last ? growing ?? answer : answer}
                view=${view}
                plainStepMs=${plainStepMs}
                retryAt=${index === last ? retryAt : undefined}
              />
            `
          )}
        </ol>
      </div>
      ${!isFollowing && exchanges.length > 0 && html`
        <button type="button" class="round to-end" aria-label="Go to the end" onClick=${follow}>
          <${Icon} name="down" />
        </button>
      `}
    </div>
  ` as VNode;
}

/**
 * Keeps the end, or the beginning of what is empty, in sight when `grown` changes, until the reader scrolls up, and anew
 * when `begun` does.
 */
function useFollowing(
  { isEmpty, isGrowing }: { readonly isEmpty: boolean; readonly isGrowing: boolean },
  grown: readonly unknown[],
  begun: readonly unknown[],
) {
  const scroller = useRef<HTMLDivElement>(null), top = useRef(0);
  const [isFollowing, setFollowing] = useState(true);
  const isToFollow = useRef(true);
  const toEnd = () => {
    const element = scroller.current!;
    element.scrollTop = isEmpty ? 0 : element.scrollHeight;
    top.current = element.scrollTop;
  };
  const set = (follows: boolean) => setFollowing(isToFollow.current = follows);
  const follow = () => {
    set(true);
    toEnd();
    scroller.current!.focus();
  };
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!;
    const isAtEnd = scrollHeight - scrollTop - clientHeight <= NEAR;
    if (isAtEnd) set(true);
    else if (scrollTop < top.current) set(false);
    top.current = scrollTop;
  };
  useLayoutEffect(() => set(true), begun as unknown[]);
  useLayoutEffect(() => {
    if (isToFollow.current) toEnd();
  }, grown as unknown[]);
  // Texts may be laid out later than they change.
  useLayoutEffect(() => {
    if (!isGrowing) return;
    const observer = new ResizeObserver(() => isToFollow.current && toEnd());
    observer.observe(scroller.current!.querySelector(".exchanges")!);
    return () => observer.disconnect();
  }, [isGrowing]);
  return { scroller, scrolled, isFollowing, follow };
}
