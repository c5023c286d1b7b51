/** Origins of tokens as they look: told apart by more than colour, and easy to read. */
import { strict as assert } from "node:assert";
import { lacksBrowser } from "../../support/browser.ts";
import { AnswerPage } from "./answer_page.ts";
import { SHORT } from "./canned_answers.ts";

Deno.test({
  name: "tokens: the legend has all origins, told apart by lines as well as colours",
  ignore: lacksBrowser,
  async fn() {
    await using opened = await AnswerPage.open();
    const { page } = opened;
    await opened.show(SHORT);
    const lines = await page.evaluate(`["accepted", "bonus", "plain"].map((origin) => {
      const [legend, text] = document.querySelectorAll(".token." + origin);
      const lineOf = (element) => {
        const { textDecorationLine, textDecorationStyle, backgroundImage } = getComputedStyle(element);
        return textDecorationLine + " " + textDecorationStyle + " " + (backgroundImage === "none" ? "flat" : "hatched");
      };
      return [lineOf(legend), lineOf(text)];
    })`) as string[][];
    for (const [legend, text] of lines) assert.equal(legend, text);
    assert.deepEqual(lines.map(([legend]) => legend), [
      "underline solid flat",
      "underline dashed hatched",
      "none solid flat",
    ]);
  },
});

for (const colorScheme of ["light", "dark"] as const) {
  Deno.test({
    name: `tokens: text stands out from every background that a token has, ${colorScheme}`,
    ignore: lacksBrowser,
    async fn() {
      await using opened = await AnswerPage.open({ colorScheme });
      const contrasts = await opened.page.evaluate(`(() => {
        const probe = document.createElement("div");
        document.body.append(probe);
        const luminanceOf = (name) => {
          probe.style.color = "var(" + name + ")";
          const [r, g, b] = getComputedStyle(probe).color.match(/[\\d.]+/g).map((value) => {
            const share = value / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const text = luminanceOf("--text");
        return ["--page", "--panel", "--accepted", "--bonus", "--bonus-stripe"].map((name) => {
          const [dark, light] = [text, luminanceOf(name)].sort((a, b) => a - b);
          return [name, (light + 0.05) / (dark + 0.05)];
        });
      })()`) as [string, number][];
      assert.deepEqual(contrasts.filter(([, contrast]) => contrast < 4.5), []);
      assert.ok(contrasts.some(([, contrast]) => contrast < 20), "colours were read");
    },
  });
}
