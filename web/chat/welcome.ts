/**
 * What a conversation shows before its first question.
 *
 * @module
 */
import { Legend } from "../tokens/legend.ts";
import { html, type VNode } from "../ui/html.ts";
import { focusQuestion } from "./focus.ts";
import type { Playground } from "./playground.ts";

const QUESTIONS = [
  "Explain how a suspension bridge carries its load.",
  "Write a short story about a lighthouse keeper.",
  "List ten uses for a paper clip, one line each.",
  "Write a Python function that reverses a linked list.",
];

/** Properties of {@linkcode Welcome}. */
export interface WelcomeProps {
  readonly playground: Playground;
}

/** What the page shows, and questions to begin with. */
export function Welcome({ playground }: WelcomeProps): VNode {
  return html`
    <div class="welcome">
      <p class="lead">Watch a model guess ahead.</p>
      <p>
        A small drafter proposes several tokens at once, the model checks them all in one step and keeps those it
        would have written itself. Colours show which tokens came that way.
      </p>
      <ul class="suggestions" aria-label="Questions to begin with">
        ${QUESTIONS.map((question) =>
          html`
            <li>
              <button type="button" onClick=${() => {
                playground.send(question);
                focusQuestion();
              }}>
                ${question}
              </button>
            </li>
          `
        )}
      </ul>
      <${Legend} />
    </div>
  ` as VNode;
}
