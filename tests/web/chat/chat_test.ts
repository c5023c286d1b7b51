/** The chat in a browser, on the real server and the default model. */
import { strict as assert } from "node:assert";
import { lacksBrowser } from "../../support/browser.ts";
import { readAnswer } from "../../support/chat_events.ts";
import { needsModel } from "../../support/model_file.ts";
import { PlaygroundPage } from "../../support/playground_page.ts";
import { ServerProcess } from "../../support/server_process.ts";

const LONG = "Write a very long story about a lighthouse keeper and her dog.";

Deno.test({
  name: "chat",
  ignore: lacksBrowser || needsModel().ignore,
  async fn(t) {
    await using server = await ServerProcess.start(["--model-path", needsModel().path]);
    const step = (name: string, run: (opened: PlaygroundPage) => Promise<void>) =>
      t.step(name, async () => {
        await using opened = await PlaygroundPage.open(server.url);
        await run(opened);
        assert.deepEqual(opened.scriptErrors, []);
        assert.deepEqual(opened.browser.requested.filter((url) => !url.startsWith(server.url)), []);
      });

    await step("streams an answer, stops it and keeps its text", async (opened) => {
      const { page, question } = opened;
      await opened.browser.assertAccessible();
      await opened.addFields({ ignore_eos: true });
      await question.fill(LONG);
      await question.press("Enter");
      assert.equal(await question.inputValue(), "");
      await opened.begun(0);
      const early = await opened.answer(0);
      await opened.until(async () => (await opened.answer(0)).length > early.length + 50);
      await opened.browser.assertAccessible();
      await question.fill("typed meanwhile");
      await question.press("Enter");
      assert.equal(await question.inputValue(), "typed meanwhile", "an answer is under way");
      await question.press("Escape");
      await opened.ended(0);
      const text = await opened.answer(0);
      assert.ok(text.startsWith(early) && text.length > early.length);
      assert.match(
        await opened.replies.nth(0).getByRole("list").innerText(),
        /tokens\/s[^]*first token[^]*stopped/,
      );
      assert.match(
        await page.getByRole("status").and(page.locator("#said")).innerText(),
        /^Stopped. Answer: \S/,
      );
      assert.equal(await question.inputValue(), "typed meanwhile");
      await opened.browser.assertAccessible();
    });

    await step("settings act: seed, temperature, length, stop text, speculation", async (opened) => {
      await opened.set("Max tokens", "12");
      await opened.set("Temperature", "0");
      await opened.set("Seed", "7");
      const first = await opened.ask("Name a colour.");
      assert.match(
        await opened.replies.nth(0).getByRole("list").innerText(),
        /12 tokens\s+cut at its length/,
      );
      await opened.button("New chat").first().click();
      await opened.page.getByRole("switch", { name: "Speculation" }).uncheck();
      assert.equal(await opened.ask("Name a colour."), first);
      await opened.set("Temperature", "3");
      await opened.button("Regenerate").click();
      await opened.hasFocus(opened.question);
      await opened.ended(0);
      const hot = await opened.answer(0);
      assert.notEqual(hot, first);
      await opened.button("Regenerate").click();
      await opened.ended(0);
      assert.equal(await opened.answer(0), hot, "the same seed");
      await opened.set("Temperature", "0");
      await opened.set("Stop texts", first.slice(3, 6));
      await opened.button("Regenerate").click();
      await opened.ended(0);
      assert.equal(await opened.answer(0), first.slice(0, first.indexOf(first.slice(3, 6))));
    });

    await step("a value that the server refuses is shown at its field", async (opened) => {
      const { page } = opened;
      await opened.set("Top p", "1.5");
      await opened.question.fill("Hello");
      await opened.question.press("Enter");
      const field = page.getByLabel("Top p", { exact: true });
      await page.locator("#setting-top_p-fault").waitFor();
      assert.match(await page.locator("#setting-top_p-fault").innerText(), /top_p.*<=1/);
      assert.equal(await field.getAttribute("aria-invalid"), "true");
      assert.ok(await opened.hasFocus(field));
      assert.match(await page.locator("#said-at-once").innerText(), /top_p/);
      await opened.browser.assertAccessible();
      await field.fill("0.9");
      assert.equal(await page.locator("#setting-top_p-fault").count(), 0);
      await opened.set("Max tokens", "4");
      await opened.button("Send again").click();
      await opened.begun(0);
    });

    await step("an edited question goes on from there, and both can be taken back", async (opened) => {
      await opened.set("Max tokens", "8");
      const first = await opened.ask("Say one.");
      await opened.ask("Say two.");
      await opened.button("Edit question").first().click();
      const box = opened.page.getByRole("textbox", { name: "Edit question 1" });
      assert.equal(await box.inputValue(), "Say one.");
      await opened.browser.assertAccessible();
      await box.fill("Say three.");
      await box.press("Enter");
      await opened.ended(0);
      assert.equal(await opened.replies.count(), 1);
      assert.equal(await opened.page.locator(".bubble").innerText(), "Say three.");
      await opened.button("Undo").click();
      assert.equal(await opened.replies.count(), 2);
      assert.equal(await opened.answer(0), first);
      await opened.button("Edit question").first().click();
      await box.fill("half a thought");
      await box.press("Escape");
      assert.equal(await opened.page.locator(".bubble").first().innerText(), "Say one.");
      assert.ok(
        await opened.hasFocus(opened.button("Edit question").first()),
      );
    });

    await step(
      "a reload in the middle of an answer keeps conversation, draft and settings",
      async (opened) => {
        const { page } = opened;
        await opened.question.fill(LONG);
        await opened.question.press("Enter");
        await opened.begun(0);
        await opened.question.fill("my next question");
        await opened.set("Temperature", "0.5");
        await page.reload();
        await opened.ended(0);
        assert.ok((await opened.answer(0)).length > 0);
        assert.equal(await page.locator(".bubble").innerText(), LONG);
        assert.equal(await opened.question.inputValue(), "my next question");
        assert.equal(await page.getByLabel("Temperature").inputValue(), "0.5");
      },
    );

    await step("conversations are named, renamed, deleted and brought back", async (opened) => {
      const { page } = opened;
      await opened.set("Max tokens", "4");
      await opened.ask("About cats");
      await opened.button("New chat").first().click();
      await opened.ask("About dogs");
      await opened.button("About cats").click();
      assert.equal(await page.locator(".bubble").innerText(), "About cats");
      await opened.button("Rename About cats").click();
      await opened.browser.assertAccessible();
      await page.getByRole("textbox", { name: "Name" }).fill("Felines");
      await page.keyboard.press("Enter");
      await opened.button("Felines").waitFor();
      await opened.question.fill("unsent");
      await opened.button("Delete Felines").click();
      assert.equal(await opened.button("Felines").count(), 0);
      assert.equal(await page.locator(".bubble").innerText(), "About dogs");
      await opened.browser.assertAccessible();
      await opened.button("Undo").click();
      assert.equal(await page.locator(".bubble").innerText(), "About cats");
      assert.equal(await opened.question.inputValue(), "unsent");
      await page.reload();
      await opened.button("Felines").waitFor();
    });

    await step("stored data of others and markup in a question do not break the page", async (opened) => {
      await opened.page.evaluate(() => {
        localStorage.setItem("aerie.conversation.a", "{oops");
        localStorage.setItem("aerie.conversation.b", '{"id":"b","title":1,"exchanges":"many"}');
        localStorage.setItem(
          "aerie.conversation.c",
          '{"id":"c","title":"","changedAt":1,"exchanges":[null]}',
        );
        localStorage.setItem("aerie.settings", '{"texts":{"temperature":{}},"system":4}');
        localStorage.setItem("other", "thing");
      });
      await opened.page.reload();
      await opened.set("Max tokens", "4");
      const markup = '<img src="x" onerror="document.title = 1">';
      assert.notEqual(await opened.ask(markup), "");
      assert.equal(await opened.page.locator(".bubble").innerText(), markup);
      assert.equal(await opened.page.locator(".chat-name").innerText(), markup);
      assert.equal(await opened.page.locator("main img, nav img").count(), 0);
    });

    await step("the code of a request runs and gives the same answer", async (opened) => {
      const { page } = opened;
      await opened.set("Max tokens", "10");
      await opened.set("Temperature", "0");
      await opened.set("Top k", "5");
      await opened.page.getByRole("textbox", { name: "System prompt" }).fill("You're 'terse' & $HOME.");
      const text = await opened.ask('What\'s "up"?\n`ls` 你好');
      await opened.button("Show as code").click();
      await opened.browser.assertAccessible();
      const code = page.locator("dialog .code");
      const curl = await run(["sh", "-c", await code.innerText()]);
      assert.equal(readAnswer(curl).text, text);
      await page.getByRole("radio", { name: "TypeScript" }).check();
      assert.match(await code.innerText(), /top_k/);
      const file = await Deno.makeTempFile({ suffix: ".ts" });
      try {
        await Deno.writeTextFile(file, await code.innerText());
        const config = new URL("../../../deno.json", import.meta.url).pathname;
        assert.equal(await run([Deno.execPath(), "run", "-A", "--check", `--config=${config}`, file]), text);
        await page.getByRole("radio", { name: "Python" }).check();
        await Deno.writeTextFile(file, await code.innerText());
        await run(["python3", "-c", `compile(open(${JSON.stringify(file)}).read(), "code", "exec")`]);
      } finally {
        await Deno.remove(file);
      }
      await page.keyboard.press("Escape");
      assert.ok(
        await opened.hasFocus(opened.button("Show as code")),
      );
    });
  },
});

async function run([program, ...args]: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program!, { args }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
