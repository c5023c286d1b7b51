/** Answers as formatted text, friendly and hostile ones. */
import { strict as assert } from "node:assert";
import { lacksBrowser } from "../../support/browser.ts";
import { AnswerPage } from "./answer_page.ts";

const ATTACKS = [
  '<img src="https://evil.example/x.png" onerror="document.title = \'hit\'">',
  "<script>document.title = 'hit'</script>",
  "<svg onload=\"document.title = 'hit'\"><a href=\"javascript:document.title='hit'\">x</a></svg>",
  "[click](javascript:document.title='hit')",
  "![cat](https://evil.example/cat.png)",
  "<iframe src=https://evil.example/></iframe>",
  "<style>body { display: none }</style>",
  '<a href="https://evil.example/" onmouseover="document.title = \'hit\'">over</a>',
  "<form action=https://evil.example/><input name=q></form>",
];

const DOCUMENT = `# A title

Some *text* with \`code\`, a [link](https://example.com/) and ~~more~~.

- one
- [x] two

7. seven

| a | a long header | |
| - | -: | :-: |
| 1 | 2 | ${"wide".repeat(80)} |

\`\`\`ts
const x = 1 < 2;
\`\`\`

> quoted

مرحبا بالعالم

### Deep
`;

Deno.test({
  name: "reading: hostile answers are text, and nothing is asked of anyone",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open();
    const { page, browser, url } = opened;
    await opened.show({ text: ATTACKS.join("\n\n") }, "reading");
    const text = (await page.locator(".reading-text").innerText()).replaceAll(/\s+/g, " ");
    for (const attack of ATTACKS.filter((attack) => !attack.startsWith("!"))) {
      assert.ok(text.includes(attack.replaceAll(/\s+/g, " ")), attack);
    }
    assert.ok(text.includes("[Image: cat] (https://evil.example/cat.png)"));
    const tags = "img, script, svg, iframe, style, form, input, a[href^=javascript]";
    assert.equal(await page.locator(".reading-text").locator(tags).count(), 0);
    assert.equal(await page.title(), "An answer");
    await opened.show({ text: ATTACKS.join("\n\n") }, "tokens");
    assert.equal(await page.locator(".token-text").textContent(), ATTACKS.join("\n\n"));
    assert.deepEqual(browser.requested.filter((address) => !address.startsWith(url)), []);
    assert.deepEqual(browser.errors, []);
    await browser.assertAccessible();
  },
});

for (const colorScheme of ["light", "dark"] as const) {
  Deno.test({
    name: `reading: Markdown is formatted, fits a phone and is accessible, ${colorScheme}`,
    ignore: lacksBrowser,
    async fn() {
      await using opened = await AnswerPage.open({ viewport: { width: 360, height: 640 }, colorScheme });
      const { page, browser } = opened;
      await opened.show({ text: DOCUMENT }, "reading");
      await page.getByRole("heading", { name: "A title", level: 4 }).waitFor();
      const link = page.getByRole("link", { name: "link" });
      assert.equal(await link.getAttribute("rel"), "noopener noreferrer");
      assert.equal(await page.locator(".reading-text ol").getAttribute("start"), "7");
      await page.getByText("quoted").scrollIntoViewIfNeeded();
      await page.getByRole("columnheader", { name: "a long header" }).waitFor();
      assert.ok(
        await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
        "the table scrolls inside",
      );
      const direction = await page.evaluate(
        "getComputedStyle([...document.querySelectorAll('.block')].find(({ innerText }) => /بالعالم/.test(innerText))).direction",
      );
      assert.equal(direction, "rtl");
      await browser.assertAccessible();
      assert.deepEqual(browser.errors, []);
    },
  });
}

Deno.test({
  name: "reading: a button copies the code as it is, also where the page is not secure",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open({ permissions: ["clipboard-read", "clipboard-write"] });
    const { page } = opened, button = page.getByRole("button", { name: "Copy this code" });
    await opened.show({ text: DOCUMENT }, "reading");
    await page.evaluate("globalThis.clipboard = navigator.clipboard");
    await button.click();
    await page.getByText("Copied").waitFor();
    assert.equal(await page.evaluate("clipboard.readText()"), "const x = 1 < 2;");

    await page.evaluate("clipboard.writeText('before')");
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
    await opened.show({ text: "```\n a\n\tb\n```" }, "reading");
    await button.click();
    await page.getByText("Copied").waitFor();
    assert.equal(await page.evaluate("clipboard.readText()"), " a\n\tb");
    assert.deepEqual(opened.browser.errors, []);
  },
});

Deno.test({
  name:
    "reading: a long answer that is being written keeps what is above, and has nodes for what is near view only",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open({ viewport: { width: 800, height: 600 } });
    const { page } = opened;
    let text = "";
    for (let part = 0; part < 20; part++) {
      for (let index = 0; index < 20; index++) {
        text += `**Paragraph** ${20 * part + index} of an *answer*.\n\n`;
      }
      await opened.show({ text, state: "running" }, "reading");
      await page.evaluate("globalThis.first ??= document.querySelector('.reading-text p')");
    }
    await opened.show({ text, state: "ended" }, "reading");
    assert.ok(
      await page.evaluate("document.querySelector('.reading-text p') === first"),
      "the start is not made anew",
    );
    assert.equal(await page.locator(".reading-text > div").count(), 400);
    for (const share of [0, 0.5, 1]) {
      await page.evaluate(`scrollTo(0, ${share} * document.body.scrollHeight)`);
      await opened.browser.until(`[...document.querySelectorAll(".block")].every((block) => {
        const { top, bottom } = block.getBoundingClientRect();
        return bottom < 0 || top > innerHeight || !block.classList.contains("unfilled");
      })`);
      await opened.browser.until("document.querySelectorAll('.reading-text strong').length < 120");
    }
    await page.getByText("Paragraph 399").waitFor();
    const all = await page.evaluate("document.querySelector('.reading-text').textContent") as string;
    for (let index = 0; index < 400; index++) assert.match(all, new RegExp(` ${index} of an `));
  },
});
