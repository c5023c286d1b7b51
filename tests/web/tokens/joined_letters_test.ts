/** Scripts whose letters join, run from right to left, or are made of several characters, across the borders of tokens. */
import { strict as assert } from "node:assert";
import { lacksBrowser } from "../../support/browser.ts";
import { AnswerPage } from "./answer_page.ts";
import { answerOf, draftedRound, plainRound } from "./canned_answers.ts";

/** Words of which each piece is a token of another origin than its neighbours. */
const WORDS = {
  Arabic: ["الس", "لا", "م", " عل", "يكم"],
  Devanagari: ["नम", "स्", "ते"],
  Korean: ["안녕", "하세", "요"],
  Chinese: ["你", "好", "世界"],
  family: ["👩", "\u200d", "👧"],
  accent: ["e", "\u0301", "t"],
};

Deno.test({
  name: "joined letters: borders between tokens move no letter",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open();
    const { page } = opened;
    for (const [script, [first, second, ...others]] of Object.entries(WORDS)) {
      const answer = answerOf([
        plainRound(first!),
        draftedRound([[second!, -1, 0.5]], [0], others[0]!),
        ...others.slice(1).map((text) => plainRound(text)),
      ]);
      await opened.show(answer);
      assert.equal(await page.locator(".token-text .token").count(), others.length + 2);
      const [split, whole] = await page.evaluate(`(() => {
        const line = document.querySelector(".token-text > div"), range = document.createRange();
        const widthOf = () => (range.selectNodeContents(line), range.getBoundingClientRect().width);
        const split = widthOf(), copy = line.cloneNode(true);
        line.textContent = line.textContent;
        const whole = widthOf();
        line.replaceChildren(...copy.childNodes);
        return [split, whole];
      })()`) as [number, number];
      assert.ok(Math.abs(split - whole) < 0.51, `${script}: ${split} px in tokens, ${whole} px as one text`);
      await opened.show({});
    }
  },
});

Deno.test({
  name: "joined letters: each line runs in its own direction, and arrow keys go where they point",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open();
    const { page } = opened;
    await opened.show(
      answerOf([plainRound("سلام"), plainRound(" عليكم"), plainRound("\n"), plainRound("Hello")]),
    );
    const xOf = async (index: number) => (await page.locator(`[data-token="${index}"]`).boundingBox())!.x;
    assert.ok(await xOf(0) > await xOf(1), "Arabic runs to the left");
    assert.ok(await xOf(0) > 640 && await xOf(3) < 640, "each line begins at its own side");
    await page.locator('[data-token="0"]').focus();
    await page.keyboard.press("ArrowLeft");
    assert.equal(await page.evaluate("document.activeElement.dataset.token"), "1");
  },
});
