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
  "Write a Python function that reverses a linked list.",
  "What is photosynthesis?",
  "Write an HTML page with a heading, a list and a table.",
  "Name the planets of the solar system with one sentence each.",
];

/** Settings that the examples bring where the user has none: what is most probable is what drafters guess best. */
const SAMPLE_SETTINGS = { temperature: "0", "max_completion_tokens": "300" };

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
                playground.settings.fill(SAMPLE_SETTINGS);
                playground.send(question);
                focusQuestion();
              }}>
                ${question}
              </button>
            </li>
          `
        )}
      </ul>
      <p class="muted">
        These ask at temperature 0, where drafts are accepted most, and for 300 tokens at most, unless you have set
        other numbers; Settings shows both.
      </p>
      <${Legend} isOpen />
    </div>
  ` as VNode;
}
