/** Trees in the playground, beside what the server's API answered; on the real server with the default model. */
import { strict as assert } from "node:assert";
import type { SpeculationRound } from "../../../web/api/answer.ts";
import { shortVisibleText } from "../../../web/tokens/visible_text.ts";
import { lacksBrowser } from "../../support/browser.ts";
import { readAnswer } from "../../support/chat_events.ts";
import { eagle3Flags, needsModel } from "../../support/model_file.ts";
import { PlaygroundPage } from "../../support/playground_page.ts";
import { ServerProcess } from "../../support/server_process.ts";

/** Asks a greedy model, and returns the rounds of the API's own answer. */
async function ask(opened: PlaygroundPage): Promise<SpeculationRound[]> {
  let body = "";
  await opened.page.route("**/v1/chat/completions", async (route) => {
    const asked = route.request().postDataJSON();
    const postData = JSON.stringify({ ...asked, temperature: 0, max_completion_tokens: 40 });
    const response = await route.fetch({ postData });
    body = await response.text();
    await route.fulfill({ response, body });
  });
  const shown = await opened.ask("Count from one to twenty.");
  const { text, rounds } = readAnswer(body);
  assert.equal(shown.trim(), text.trim());
  return rounds;
}

async function assertShown({ page }: PlaygroundPage, rounds: readonly SpeculationRound[], index: number) {
  const panel = page.getByRole("region", { name: "Verification round" }),
    { tree, accepted, tokens } = rounds[index]!;
  await panel.getByText(`Round ${index + 1} of ${rounds.length}`).waitFor();
  const labels = (nodes: readonly string[]) => nodes.map((text) => shortVisibleText(text, 10));
  const drawn = (kind: string) => panel.locator(`svg .node.${kind} .text`).allTextContents();
  const path = labels(accepted.map((node) => tree!.texts[node]!));
  assert.deepEqual(await drawn("accepted"), path);
  assert.deepEqual(
    (await drawn("rejected")).toSorted(),
    labels(tree!.texts.filter((_, node) => !accepted.includes(node))).toSorted(),
  );
  const bonus = tokens.filter(({ origin }) => origin === "bonus").map(({ text }) => text);
  assert.deepEqual(await drawn("drawn"), labels(bonus));
}

Deno.test({
  name: "playground: mouse, keyboard and finger show the tree that the API's answer has",
  ignore: lacksBrowser || needsModel().ignore,
  async fn(t) {
    await using server = await ServerProcess.start(["--model-path", needsModel().path, ...eagle3Flags(3)]);

    await t.step("mouse and keyboard", async () => {
      await using opened = await PlaygroundPage.open(server.url);
      const { page, browser } = opened, rounds = await ask(opened);
      assert.ok(await page.locator(".token-legend .token").first().isVisible());
      const round = rounds.findIndex(({ accepted }) => accepted.length > 0);
      assert.ok(round > 0, "something was accepted");
      await opened.firstToken(rounds, round).hover();
      await assertShown(opened, rounds, round);
      await browser.assertAccessible();
      await page.locator(".token-legend").hover();
      await page.locator('[data-token="0"]').focus();
      for (let step = 0; step < round; step++) await page.keyboard.press("ArrowDown");
      await assertShown(opened, rounds, round);
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Next round" }).click();
      if (rounds[round + 1]?.tree) await assertShown(opened, rounds, round + 1);
      await page.keyboard.press("Escape");
      assert.deepEqual(opened.scriptErrors, []);
    });

    await t.step("finger, on a phone in the dark", async () => {
      await using opened = await PlaygroundPage.open(server.url, {
        viewport: { width: 360, height: 740 },
        hasTouch: true,
        isMobile: true,
        colorScheme: "dark",
      });
      const { page, browser } = opened, rounds = await ask(opened);
      const round = rounds.findLastIndex(({ accepted }) => accepted.length > 0);
      const token = opened.firstToken(rounds, round);
      await token.tap();
      await assertShown(opened, rounds, round);
      const [{ y, height }, sheet] = [
        (await token.boundingBox())!,
        (await page.locator(".round-panel").boundingBox())!,
      ];
      assert.ok(y + height <= sheet.y, "the sheet leaves the token in sight");
      await browser.assertAccessible();
      assert.deepEqual(opened.scriptErrors, []);
    });
  },
});
