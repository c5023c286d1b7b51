/** The page on a phone, in the dark, by keyboard alone, in other scripts, with long answers. */
import { strict as assert } from "node:assert";
import type { BrowserContextOptions } from "playwright-core";
import { lacksBrowser } from "../../support/browser.ts";
import { needsModel } from "../../support/model_file.ts";
import { PlaygroundPage } from "../../support/playground_page.ts";
import { ServerProcess } from "../../support/server_process.ts";

Deno.test({
  name: "layout",
  ignore: lacksBrowser || needsModel().ignore,
  async fn(t) {
    await using server = await ServerProcess.start(["--model-path", needsModel().path]);
    const step = (
      name: string,
      options: BrowserContextOptions,
      run: (opened: PlaygroundPage) => Promise<void>,
    ) =>
      t.step(name, async () => {
        await using opened = await PlaygroundPage.open(server.url, options);
        await run(opened);
        assert.deepEqual(opened.scriptErrors, []);
      });
    const phone = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };

    for (const colorScheme of ["light", "dark"] as const) {
      await step(
        `360 pixels, ${colorScheme}: nothing is wider than the page`,
        { ...phone, colorScheme },
        async (opened) => {
          const { page } = opened;
          await fits(opened, "at first");
          await opened.button("Settings").tap();
          await opened.set("Max tokens", "24");
          await fits(opened, "with settings");
          await opened.button("Close").tap();
          await opened.ask(`${"unbreakable".repeat(20)} Write Python code.`);
          await fits(opened, "with an answer");
          await opened.button("Show as code").tap();
          await fits(opened, "with code");
          await opened.button("Close").tap();
          await opened.button("Conversations").tap();
          await fits(opened, "with conversations");
          await opened.button("New chat").first().tap();
          await page.getByText("Watch a model guess ahead").waitFor();
          await page.getByRole("tab", { name: "Race" }).tap();
          await page.getByRole("tabpanel", { name: "Race" }).waitFor();
          await fits(opened, "with a race");
        },
      );
    }

    await step("the switch of colours overrides the system's", { colorScheme: "light" }, async (opened) => {
      const { page } = opened,
        colour = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
      const light = await colour();
      await opened.button("Colours: as the system").click();
      await opened.button("Colours: dark").waitFor();
      const dark = await colour();
      assert.notEqual(dark, light);
      await opened.browser.assertAccessible();
      await page.emulateMedia({ colorScheme: "dark" });
      assert.equal(await colour(), dark);
      await page.reload();
      await opened.button("Colours: dark").click();
      await opened.button("Colours: light").waitFor();
      assert.equal(await colour(), light);
    });

    await step("the legend below a conversation opens to say what origins mean", {}, async (opened) => {
      const { page } = opened, meaning = page.locator(".legend-row dd").first();
      await opened.set("Max tokens", "8");
      await opened.ask("Name a colour.");
      await page.locator(".legend-row summary").click();
      assert.ok((await meaning.boundingBox())!.width > 100, "the meaning has room");
      await opened.browser.assertAccessible();
    });

    await step("by keyboard alone, from the first Tab to a second answer", {}, async (opened) => {
      const { page } = opened, { keyboard } = page;
      await opened.addFields({ ignore_eos: true });
      await keyboard.press("Tab");
      await opened.hasFocus(page.getByRole("link", { name: "Skip to the question" }));
      await keyboard.press("Enter");
      await opened.hasFocus(opened.question);
      await keyboard.type("one");
      await keyboard.press("Shift+Enter");
      await keyboard.type("two");
      assert.equal(await opened.question.inputValue(), "one\ntwo");
      await keyboard.press("Enter");
      await opened.begun(0);
      await keyboard.press("Escape");
      await opened.ended(0);
      await opened.hasFocus(opened.question);
      await keyboard.press("Control+/");
      await page.getByRole("heading", { name: "Keyboard shortcuts" }).waitFor();
      await opened.browser.assertAccessible();
      await keyboard.press("Escape");
      await opened.hasFocus(opened.question);
      await keyboard.press("Control+Shift+O");
      await page.getByText("Watch a model guess ahead").waitFor();
      await opened.hasFocus(opened.question);
      await keyboard.type("three");
      await keyboard.press("Enter");
      await opened.begun(0);
      await tabTo(opened, "Stop");
      await keyboard.press("Space");
      await opened.ended(0);
      await opened.hasFocus(opened.question);
      await keyboard.press("Shift+Tab");
      await tabTo(opened, "Edit question", "Shift+Tab");
      await keyboard.press("Enter");
      await keyboard.type(" and four");
      await keyboard.press("Enter");
      await opened.begun(0);
      await opened.hasFocus(opened.question);
      assert.equal(await page.locator(".bubble").innerText(), "three and four");
      await page.getByRole("tab", { name: "Chat" }).focus();
      await keyboard.press("ArrowRight");
      await opened.hasFocus(page.getByRole("tab", { name: "Race", selected: true }));
    });

    await step(
      "the end is followed until the reader scrolls up",
      { viewport: { width: 1000, height: 420 } },
      async (opened) => {
        const { page } = opened, scroller = page.locator(".scroller");
        const gap = async () =>
          await scroller.evaluate((element) =>
            element.scrollHeight - element.scrollTop - element.clientHeight
          );
        const height = async () => await scroller.evaluate((element) => element.scrollHeight);
        await opened.addFields({ ignore_eos: true, seed: 1 });
        await opened.question.fill("Write a very long story about a lighthouse keeper.");
        await opened.question.press("Enter");
        await opened.until(async () => await height() > 600);
        assert.ok(await gap() < 60, `${await gap()}`);
        await scroller.hover();
        await page.mouse.wheel(0, -150);
        await opened.button("Go to the end").waitFor();
        const top = await scroller.evaluate((element) => element.scrollTop), before = await height();
        await opened.until(async () => await height() > before + 40);
        assert.equal(await scroller.evaluate((element) => element.scrollTop), top);
        await opened.button("Go to the end").click();
        await opened.until(async () => await gap() < 60);
        const now = await height();
        await opened.until(async () => await height() > now + 40);
        assert.ok(await gap() < 60);
        await opened.question.press("Escape");
      },
    );

    await step("answers that have ended are not drawn again while another grows", {}, async (opened) => {
      const { page } = opened;
      await opened.set("Max tokens", "40");
      await opened.ask("Say something.");
      await page.mouse.move(0, 0);
      await page.evaluate(`
        changes = 0;
        new MutationObserver((records) => changes += records.length).observe(
          document.querySelector(".exchange"),
          { subtree: true, childList: true, characterData: true, attributes: true },
        );
      `);
      await opened.ask("Say something else.");
      assert.equal(await page.evaluate("changes"), 0);
    });

    await step(
      "questions run in the direction of their script, and Enter that ends a composition sends nothing",
      {},
      async (opened) => {
        const { page, question } = opened;
        await opened.set("Max tokens", "4");
        await opened.ask("مرحبا بالعالم");
        await opened.ask("你好，世界");
        const direction = (index: number) =>
          page.locator(".bubble").nth(index).evaluate((element) => element.matches(":dir(rtl)"));
        assert.deepEqual([await direction(0), await direction(1)], [true, false]);
        await question.fill("にほん");
        await question.dispatchEvent("keydown", { key: "Enter", isComposing: true });
        await question.dispatchEvent("keydown", { key: "Enter", keyCode: 229 });
        assert.equal(await question.inputValue(), "にほん");
        assert.equal(await opened.replies.count(), 2);
        await opened.browser.assertAccessible();
      },
    );
  },
});

/** Asserts that nothing is cut off or scrolls sideways, and that axe-core finds nothing. */
async function fits({ page, browser }: PlaygroundPage, where: string): Promise<void> {
  const wide = await page.evaluate(`
    [...document.querySelectorAll("html, body, main, .scroller, .composer, dialog[open], dialog[open] *")]
      .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1)
      .filter((element) => !element.closest("pre, .code, svg, input, .chat-name"))
      .map((element) => element.tagName + "." + element.className)
  `);
  assert.deepEqual(wide, [], where);
  const tooTall = await page.evaluate("document.documentElement.scrollHeight - innerHeight");
  assert.equal(tooTall, 0, `${where}: nothing is below the page`);
  await browser.assertAccessible();
}

/** Presses a key until a button has the focus. */
async function tabTo(opened: PlaygroundPage, name: string, key = "Tab"): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await opened.page.keyboard.press(key);
    if (await opened.button(name).and(opened.page.locator(":focus")).count() > 0) return;
  }
  assert.fail(`Cannot reach ${name} by ${key}`);
}
