/** Answers of ten thousand tokens, and answers while they are written. */
import { strict as assert } from "node:assert";
import { lacksBrowser } from "../../support/browser.ts";
import { AnswerPage } from "./answer_page.ts";
import { answerOf, draftedRound, longAnswer, plainRound, SHORT } from "./canned_answers.ts";

/** Elements of tokens that may exist at once: some screens of them. */
const MAX_ELEMENTS = 2500;

const CLIPBOARD = { permissions: ["clipboard-read", "clipboard-write"] };

Deno.test({
  name: "long answers: only tokens near view have elements, and all text is there to find and copy",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open({ ...CLIPBOARD, viewport: { width: 1000, height: 700 } });
    const { page, browser } = opened, answer = longAnswer(10_000);
    await opened.show(answer);
    const count = () => page.locator(".token-text .token").count();
    const before = await page.evaluate("document.querySelector('.token-text').offsetHeight");
    let most = await count();
    const numScreens = Math.ceil(await page.evaluate("document.body.scrollHeight / innerHeight") as number);
    assert.ok(numScreens > 10, "there is something to scroll through");
    for (let screen = 0; screen <= numScreens; screen++) {
      await page.evaluate(`scrollTo(0, ${screen} * innerHeight)`);
      await opened.browser.until(`[...document.querySelectorAll("[data-chunk]")].every((chunk) => {
        const { top, bottom } = chunk.getBoundingClientRect();
        return bottom < 0 || top > innerHeight || chunk.firstElementChild !== null;
      })`);
      most = Math.max(most, await count());
    }
    assert.ok(most < MAX_ELEMENTS, `${most} elements`);
    assert.equal(
      await page.evaluate("document.querySelector('.token-text').offsetHeight"),
      before,
      "nothing moves",
    );
    assert.equal(await page.evaluate("document.querySelector('.token-text').textContent"), answer.text);
    await page.evaluate("document.getSelection().selectAllChildren(document.querySelector('.token-text'))");
    assert.equal(await opened.copy(), answer.text);
    await browser.assertAccessible();
  },
});

Deno.test({
  name: "long answers: a pinned round and the focus survive scrolling away and back, and more text",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open({ viewport: { width: 1000, height: 700 } });
    const { page } = opened, answer = longAnswer(4000);
    await opened.show({ ...answer, state: "running" });
    await page.locator('[data-token="5"]').click();
    await page.getByText("Round 3 of").waitFor();
    await page.evaluate("scrollTo(0, document.body.scrollHeight)");
    await page.locator(".token-text .token").last().waitFor();
    await opened.show(answerOf([...answer.rounds, plainRound(" more")]));
    assert.equal(await page.evaluate("document.activeElement.dataset.token"), "5");
    assert.match(await page.locator(".round-panel").innerText(), /Round 3 of/);
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate("document.activeElement.dataset.token"), "6");
    assert.ok(await page.evaluate("document.activeElement.getBoundingClientRect().top >= 0"));
  },
});

Deno.test({
  name:
    "long answers: in a box that scrolls, too, what is in view has tokens, and a sheet covers none that is pinned",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open({ viewport: { width: 360, height: 640 }, hasTouch: true });
    const { page } = opened, answer = longAnswer(4000);
    await page.evaluate(`(() => {
      document.getElementById("legend").remove();
      Object.assign(document.getElementById("app").style, { overflow: "auto", height: "450px" });
    })()`);
    await opened.show(answer);
    for (const share of [0.3, 1]) {
      await page.evaluate(`app.scrollTo(0, ${share} * app.scrollHeight)`);
      await opened.browser.until(`[...document.querySelectorAll("[data-chunk]")].every((chunk) => {
        const { top, bottom } = chunk.getBoundingClientRect(), box = app.getBoundingClientRect();
        return bottom < box.top || top > box.bottom || chunk.firstElementChild !== null;
      })`);
      assert.ok(await page.locator(".token-text .token").count() < MAX_ELEMENTS);
    }
    await page.locator(".token-text .token").last().tap();
    await page.locator(".round-panel[data-place=bottom]").waitFor();
    const token = (await page.locator(".token-text .token").last().boundingBox())!;
    const panel = (await page.locator(".round-panel").boundingBox())!;
    assert.ok(
      token.y + token.height <= panel.y,
      `${token.y + token.height} px, the sheet begins at ${panel.y} px`,
    );
    assert.ok(token.y >= (await page.locator("#app").boundingBox())!.y);
  },
});

Deno.test({
  name: "long answers: what is selected stays selected while it is out of view",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open({ ...CLIPBOARD, viewport: { width: 1000, height: 700 } });
    const { page } = opened, answer = longAnswer(4000);
    await opened.show(answer);
    await page.locator('[data-token="60"]').waitFor();
    await page.evaluate(`document.getSelection().setBaseAndExtent(
      document.querySelector('[data-token="1"]').firstChild, 0,
      document.querySelector('[data-token="60"]').firstChild, 2)`);
    const selected = await page.evaluate("document.getSelection().getRangeAt(0).toString()") as string;
    assert.ok(answer.text.includes(selected) && selected.length > 100);
    await page.evaluate("scrollTo(0, document.body.scrollHeight)");
    await page.locator('[data-token="3999"]').waitFor();
    assert.equal(await opened.copy(), selected);
    await page.evaluate("scrollTo(0, 0)");
    await page.locator('[data-token="20"]').waitFor();
    assert.equal(await opened.copy(), selected);
  },
});

Deno.test({
  name:
    "answers being written: tokens are added to what is there, and text without a round stands behind them",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open();
    const { page } = opened;
    const text = () => page.evaluate("document.querySelector('.token-text').textContent");
    for (let numRounds = 0; numRounds <= SHORT.rounds.length; numRounds++) {
      const part = answerOf(SHORT.rounds.slice(0, numRounds), " …rest");
      await opened.show({ ...part, state: "running" });
      assert.equal(await text(), part.text);
      await page.evaluate("globalThis.first ??= document.querySelector('[data-token]')");
    }
    assert.equal(await page.locator(".token-rest").textContent(), " …rest");
    assert.ok(
      await page.evaluate("document.querySelector('[data-token]') === first"),
      "nothing is made anew",
    );
    assert.equal(await page.locator(".token-text .token").count(), 7);
    await opened.show(SHORT);
    assert.equal(await text(), SHORT.text);
  },
});

Deno.test({
  name: "copying: lines, spaces and the middle of tokens come out as they are",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open(CLIPBOARD);
    const { page } = opened;
    const answer = answerOf([
      plainRound("  a\n\n"),
      ...Array.from({ length: 60 }, (_, line) => draftedRound([[`\tline  ${line}`, -1, 0.5]], [0], " \n")),
      plainRound("\n\n  end "),
    ]);
    await opened.show(answer);
    await page.evaluate("document.getSelection().selectAllChildren(document.querySelector('.token-text'))");
    assert.equal(await opened.copy(), answer.text);
    await page.evaluate(`document.getSelection().setBaseAndExtent(
      document.querySelector('[data-token="0"]').firstChild, 2, document.querySelector('[data-token="3"]').firstChild, 3)`);
    assert.equal(await opened.copy(), "a\n\n\tline  0 \n\tli");
  },
});
