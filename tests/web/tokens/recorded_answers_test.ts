/** What the real server answered, round by round; recorded with the default model, greedy and at temperature 1. */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import type { Answer } from "../../../web/api/answer.ts";
import { shortVisibleText } from "../../../web/tokens/visible_text.ts";
import { lacksBrowser } from "../../support/browser.ts";
import { AnswerPage } from "./answer_page.ts";

const file = join(import.meta.dirname!, "..", "..", "golden", "recorded_answers.json");
const answers: Pick<Answer, "text" | "rounds">[] = JSON.parse(Deno.readTextFileSync(file));

/** Labels of nodes that are too long are cut. */
const MAX_CELLS = 10;

for (const [index, { text, rounds }] of answers.entries()) {
  Deno.test({
    name: `recorded answer ${index + 1}: every round's tree has the path that the server accepted`,
    ignore: lacksBrowser,
    async fn() {
      await using opened = await AnswerPage.open({ viewport: { width: 1280, height: 900 } });
      const { page, browser } = opened;
      await opened.show({ text, rounds });
      assert.equal(await page.evaluate("document.querySelector('.token-text').textContent"), text);
      await page.locator('[data-token="0"]').focus();
      let numTrees = 0;
      for (const [number, { tree, tokens, accepted }] of rounds.entries()) {
        // The keyboard leads to tokens that are text.
        if (tokens.every(({ text }) => text === "")) continue;
        if (number > 0) await page.keyboard.press("ArrowDown");
        const panel = page.getByRole("region", { name: "Verification round" });
        await panel.getByText(`Round ${number + 1} of ${rounds.length}`).waitFor();
        const textsOf = (kind: string) => panel.locator(`svg .node.${kind} .text`).allTextContents();
        const expected = accepted.map((node) => shortVisibleText(tree!.texts[node]!, MAX_CELLS));
        assert.deepEqual(await textsOf("accepted"), expected);
        assert.equal((await textsOf("rejected")).length, (tree?.tokens.length ?? 0) - accepted.length);
        const bonus = tokens.filter(({ origin }) => origin === "bonus").map(({ text }) =>
          shortVisibleText(text, MAX_CELLS)
        );
        assert.deepEqual(await textsOf("drawn"), bonus);
        if (tree !== null) numTrees++;
      }
      assert.ok(numTrees > 20, `${numTrees} rounds with trees were seen`);
      await browser.assertAccessible();
      assert.deepEqual(browser.errors, []);
    },
  });
}
