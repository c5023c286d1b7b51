/** Tokens by origin and the rounds they come from, by mouse, finger and keyboard. */
import { strict as assert } from "node:assert";
import type { Page } from "playwright-core";
import { lacksBrowser } from "../../support/browser.ts";
import { AnswerPage } from "./answer_page.ts";
import { answerOf, draftedRound, plainRound, SHORT } from "./canned_answers.ts";

const PANEL = "[role=region][aria-label='Verification round']";

function tokenOf(page: Page, index: number) {
  return page.locator(`.token-text [data-token="${index}"]`);
}

/** Texts of the nodes of a kind in the drawn tree, and of those in the list beside it. */
async function drawn(page: Page, kind: string): Promise<string[]> {
  return await page.locator(`${PANEL} svg .node.${kind} .text`).allTextContents();
}

async function assertTree(page: Page): Promise<void> {
  await page.locator(PANEL).waitFor();
  // The second round of the short answer.
  assert.deepEqual(await drawn(page, "root"), ["The"]);
  assert.deepEqual(await drawn(page, "accepted"), ["␣quick", "␣brown"]);
  assert.deepEqual(await drawn(page, "drawn"), ["␣fox"]);
  assert.deepEqual((await drawn(page, "rejected")).toSorted(), ["␣cat", "␣dog", "␣red", "␣slow"]);
  const text = await page.locator(PANEL).innerText();
  assert.match(text, /Round 2 of 5/);
  assert.match(text, /2 of 6 drafts accepted; then the model drew “␣fox”.* not among the 2 drafts/);
  assert.match(text, /Draft 2 ms \+ verification 10 ms = 12 ms for 3 tokens, 4 ms each/);
  assert.match(text, /8.5 ms \(the median of this answer's plain rounds\)/);
  assert.match(text, /2.13 times as fast/);
}

/** Asserts that the panel covers nothing of a token. */
async function assertUncovered(page: Page, index: number): Promise<void> {
  const token = (await tokenOf(page, index).boundingBox())!,
    panel = (await page.locator(PANEL).boundingBox())!;
  const overlaps = token.x < panel.x + panel.width && panel.x < token.x + token.width &&
    token.y < panel.y + panel.height && panel.y < token.y + token.height;
  assert.ok(!overlaps, JSON.stringify({ token, panel }));
  assert.ok(token.y >= 0 && token.y + token.height <= page.viewportSize()!.height, "the token is in view");
}

async function focused(page: Page): Promise<{ role: string; name: string; description: string }> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const node = nodes.findLast(({ properties }) =>
    properties?.some(({ name, value }) => name === "focused" && value.value)
  )!;
  return { role: node.role!.value, name: node.name!.value.trim(), description: node.description?.value };
}

Deno.test({
  name: "tokens: a mouse over a token shows its round beside the text, and leaving it hides the round",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open({ viewport: { width: 1280, height: 800 } });
    const { page, browser } = opened;
    await opened.show(SHORT);
    await browser.assertAccessible();
    await tokenOf(page, 2).hover();
    await assertTree(page);
    await assertUncovered(page, 2);
    assert.equal(await page.locator(".token-text .in-round").count(), 3);
    await browser.assertAccessible();
    // The tree can be scrolled with the mouse in the panel.
    await page.locator(`${PANEL} svg`).hover();
    await page.waitForTimeout(500);
    await page.locator(PANEL).waitFor();
    await page.getByRole("heading", { level: 1 }).hover();
    await page.locator(PANEL).waitFor({ state: "detached" });
    assert.deepEqual(browser.errors, []);
  },
});

Deno.test({
  name: "tokens: plain rounds say why there is no tree, and a path without further drafts that it was whole",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open({ viewport: { width: 1280, height: 800 } });
    const { page } = opened;
    await opened.show(
      answerOf([
        plainRound("a", 50),
        draftedRound([["b", -1, 0.5]], [0], "c"),
        draftedRound([["d", -1, 0.9]], [0], undefined),
      ]),
      "tokens",
      { plainStepMs: 7 },
    );
    await tokenOf(page, 0).hover();
    await page.getByText("this step read the prompt").waitFor();
    assert.equal(await page.locator(`${PANEL} svg`).count(), 0);
    await tokenOf(page, 2).hover();
    await page.getByText("1 of 1 draft accepted, a whole path").waitFor();
    await page.getByText("7 ms (as the server measured it at its start)").waitFor();
    await tokenOf(page, 3).hover();
    await page.getByText("the answer ends with them").waitFor();
    assert.deepEqual(await drawn(page, "drawn"), []);
    await opened.show(SHORT);
    await tokenOf(page, 5).hover();
    await page.getByText("nothing was drafted in this step").waitFor();
  },
});

Deno.test({
  name: "tokens: the keyboard goes by token and by round, pins a round and closes it",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open({ viewport: { width: 1280, height: 800 } });
    const { page, browser } = opened;
    await opened.show(SHORT);
    // The legend comes first.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.deepEqual(await focused(page), {
      role: "button",
      name: "The",
      description: "plain token, round 1, nothing drafted",
    });
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    assert.deepEqual(await focused(page), {
      role: "button",
      name: "brown",
      description: "accepted draft, round 2, 2 of 6 drafts accepted",
    });
    await assertTree(page);
    await browser.assertAccessible();
    await page.keyboard.press("ArrowDown");
    assert.equal((await focused(page)).name, "line break");
    await page.keyboard.press("ArrowUp");
    assert.equal((await focused(page)).name, "quick");
    await page.keyboard.press("End");
    assert.equal((await focused(page)).description, "bonus token, round 5, 0 of 2 drafts accepted");
    // Tab goes on into the panel of a round that is not pinned, and that stays.
    await page.keyboard.press("Tab");
    assert.equal((await focused(page)).name, "Previous round");
    await page.keyboard.press("Escape");
    assert.equal((await focused(page)).description, "bonus token, round 5, 0 of 2 drafts accepted");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    // A pinned round stays while the mouse passes other tokens and the focus goes into the panel.
    await tokenOf(page, 6).hover();
    await page.keyboard.press("Tab");
    await assertTree(page);
    await page.getByRole("button", { name: "Next round" }).click();
    await page.getByText("Round 3 of 5").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(PANEL).waitFor({ state: "detached" });
    assert.equal((await focused(page)).name, "line break");
    assert.deepEqual(browser.errors, []);
  },
});

Deno.test({
  name: "tokens: a tap on a phone opens the round as a sheet that leaves the token in view",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open({
      viewport: { width: 360, height: 640 },
      hasTouch: true,
      isMobile: true,
      colorScheme: "dark",
    });
    const { page, browser } = opened;
    const last = answerOf([
      ...Array.from({ length: 30 }, (_, line) => plainRound(`Line ${line}\n`)),
      ...SHORT.rounds,
    ]);
    await opened.show(last);
    await browser.assertAccessible();
    await tokenOf(page, 32).scrollIntoViewIfNeeded();
    await tokenOf(page, 32).tap();
    await page.locator(PANEL).waitFor();
    assert.deepEqual(await drawn(page, "accepted"), ["␣quick", "␣brown"]);
    await assertUncovered(page, 32);
    assert.equal((await page.locator(PANEL).boundingBox())!.width, 360);
    // The last line can be scrolled up, too.
    await page.keyboard.press("Escape");
    await page.keyboard.press("End");
    await page.getByText(/Round 35 of/).waitFor();
    await assertUncovered(page, 36);
    assert.ok(
      await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
      "nothing sticks out",
    );
    await browser.assertAccessible();
    await page.getByRole("button", { name: "Close" }).tap();
    await page.locator(PANEL).waitFor({ state: "detached" });
    assert.deepEqual(browser.errors, []);
  },
});

Deno.test({
  name: "tokens: one answer's round is open at a time, and an answer that is replaced closes it",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open();
    const { page } = opened;
    await opened.show(SHORT);
    await opened.show(answerOf([plainRound("Other", 33)]), "tokens", { place: "other" });
    await page.locator("#app [data-token='5']").click();
    await page.getByText("Round 4 of 5").waitFor();
    await page.locator("#other [data-token]").click();
    await page.getByText("Round 1 of 1").waitFor();
    assert.equal(await page.locator(PANEL).count(), 1);
    await opened.show({ text: "New", rounds: [plainRound("New", 34)] }, "tokens", { place: "other" });
    assert.equal(await page.locator("#other .token-text").innerText(), "New");
    await page.locator("#app [data-token='5']").click();
    await page.getByText("Round 4 of 5").waitFor();
    await page.getByRole("heading", { level: 1 }).hover();
    await opened.show({ text: "x", rounds: [plainRound("x", 35)] });
    await page.locator(PANEL).waitFor({ state: "detached" });
  },
});

Deno.test({
  name: "tokens: text that moves under a mouse which rests opens no panel",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open();
    const { page } = opened;
    await opened.show(SHORT);
    const { x, y } = (await tokenOf(page, 2).boundingBox())!;
    await opened.show({});
    await page.mouse.move(x + 10, y + 10);
    await page.evaluate(`(globalThis.entered = 0,
      document.getElementById("app").addEventListener("pointerover", () => entered++))`);
    await opened.show(SHORT);
    // What is under the mouse is looked for when a frame is drawn.
    const entersAtFrame = "new Promise((resolve) => requestAnimationFrame(() => resolve(entered > 0)))";
    await opened.browser.untilTrue(() => page.evaluate<boolean>(entersAtFrame), "entered > 0");
    await page.evaluate(
      "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))",
    );
    assert.equal(await page.locator(PANEL).count(), 0);
    await page.mouse.move(x + 12, y + 10);
    await page.locator(PANEL).waitFor();
  },
});
