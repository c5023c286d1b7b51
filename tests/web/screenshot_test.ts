/**
 * What a stranger sees first: an example, its tokens, a bushy tree, a race, on a phone, in the dark, the API's document.
 * Pictures of all are kept in `build/screenshots/`; with AERIE_WRITE_SCREENSHOT=1 README's own is made anew.
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import type { Page, Route } from "playwright-core";
import type { SpeculationRound } from "../../web/api/answer.ts";
import { shortVisibleText } from "../../web/tokens/visible_text.ts";
import { lacksBrowser } from "../support/browser.ts";
import { readAnswer } from "../support/chat_events.ts";
import { eagle3Flags, needsModel } from "../support/model_file.ts";
import { PlaygroundPage } from "../support/playground_page.ts";
import { ServerProcess } from "../support/server_process.ts";

const root = join(import.meta.dirname!, "..", "..");
const folder = join(root, "build", "screenshots"), picture = join(root, "docs", "playground.png");
const maxPictureBytes = 200_000;
const viewport = { width: 1280, height: 800 };
/** Trees of five levels in every step, whether they pay or not. */
const flags = [
  ...["--served-model-name", "SmolLM2-135M-Instruct"],
  ...eagle3Flags(5),
  ...["--speculative-eagle-topk", "3", "--speculative-num-draft-tokens", "16"],
];

Deno.test({
  name: "screenshots",
  ignore: lacksBrowser || needsModel().ignore,
  async fn(t) {
    await using server = await ServerProcess.start(["--model-path", needsModel().path, ...flags]);
    await Deno.mkdir(folder, { recursive: true });

    for (const colorScheme of ["light", "dark"] as const) {
      await t.step(
        `1280 pixels, ${colorScheme}: a tree as the API tells of it, all of it in sight`,
        async () => {
          await using opened = await PlaygroundPage.open(server.url, { viewport, colorScheme });
          const { page } = opened;
          await keep(page, `first-${colorScheme}`);
          const rounds = await askExample(opened);
          await keep(page, `tokens-${colorScheme}`);
          await openRound(opened, rounds, bushiest(rounds));
          assert.deepEqual(await shownPath(page), pathOf(rounds[bushiest(rounds)]!));
          assert.equal(await overflowOf(page), 0, "the tree is as wide as its panel at most");
          await page.mouse.move(0, 0);
          await keep(page, `tree-${colorScheme}`);
          if (colorScheme === "light" && Deno.env.get("AERIE_WRITE_SCREENSHOT") === "1") {
            await page.screenshot({ path: picture });
          }
          assert.deepEqual(opened.scriptErrors, []);
        },
      );
    }

    await t.step("on a phone the tree shows where the draw left it", async () => {
      const phone = { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true };
      await using opened = await PlaygroundPage.open(server.url, phone);
      const { page } = opened, rounds = await askExample(opened);
      await openRound(opened, rounds, bushiest(rounds));
      const isInSight = await page.evaluate(`(() => {
        const tree = document.querySelector(".draft-tree").getBoundingClientRect();
        const node = document.querySelector(".draft-tree .drawn rect").getBoundingClientRect();
        return node.left >= tree.left && node.right <= tree.right && node.bottom <= innerHeight;
      })()`);
      assert.ok(isInSight);
      await keep(page, "phone");
    });

    await t.step("a race, and the API's document", async () => {
      await using opened = await PlaygroundPage.open(server.url, { viewport });
      const { page } = opened;
      await page.getByRole("tab", { name: "Race" }).click();
      await page.getByRole("spinbutton", { name: "Tokens at most" }).fill("60");
      await opened.button("Start the race").click();
      await opened.button("Run again").waitFor();
      await page.getByText(/^Texts: equal, \d+ tokens\.$/).first().waitFor();
      await keep(page, "race");
      await page.goto(`${server.url}/docs`);
      await page.locator(".opblock").first().waitFor();
      await keep(page, "docs");
    });
  },
});

Deno.test("screenshots: README shows the playground, in a picture that loads fast", async () => {
  const { size } = await Deno.stat(picture);
  assert.ok(size < maxPictureBytes, `${size} bytes`);
  const header = new DataView((await Deno.readFile(picture)).buffer, 16, 8);
  assert.deepEqual({ width: header.getUint32(0), height: header.getUint32(4) }, viewport);
  assert.match(await Deno.readTextFile(join(root, "README.md")), /!\[[^\]]+\]\(docs\/playground\.png\)/);
});

async function keep(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Asks the first of the page's own examples; the rounds as the API sent them. */
async function askExample(opened: PlaygroundPage): Promise<SpeculationRound[]> {
  const { page } = opened, asked: Record<string, unknown>[] = [];
  let rounds: SpeculationRound[] = [];
  const listen = async (route: Route) => {
    const response = await route.fetch(), body = await response.text();
    asked.push(route.request().postDataJSON());
    rounds = readAnswer(body).rounds;
    await route.fulfill({ response, body });
  };
  await page.route("**/v1/chat/completions", listen);
  await page.getByRole("list", { name: "Questions to begin with" }).getByRole("button").first().click();
  await opened.ended(0);
  await page.unroute("**/v1/chat/completions", listen);
  assert.deepEqual(asked.map(({ temperature }) => temperature), [0], "examples ask without temperature");
  if (await page.getByLabel("Temperature", { exact: true }).count() > 0) {
    assert.equal(await page.getByLabel("Temperature", { exact: true }).inputValue(), "0", "and it is seen");
  }
  return rounds;
}

/** The first of the rounds of which most drafts were accepted while several others were not. */
function bushiest(rounds: readonly SpeculationRound[]): number {
  const numAccepted = rounds.map(({ tree, accepted }) =>
    tree === null || tree.tokens.length < accepted.length + 4 ? 0 : accepted.length
  );
  const most = Math.max(...numAccepted);
  assert.ok(most > 2, "a round has several accepted drafts and several that were not");
  return numAccepted.indexOf(most);
}

/** Opens the panel of a round by a click on its first token. */
async function openRound(
  opened: PlaygroundPage,
  rounds: readonly SpeculationRound[],
  round: number,
): Promise<void> {
  await opened.page.locator(`[data-chunk]`).first().scrollIntoViewIfNeeded();
  await opened.firstToken(rounds, round).click();
  await opened.page.getByRole("heading", { name: `Round ${round + 1} of` }).waitFor();
}

/** Nodes of the path that was drawn, as the panel has them: accepted ones by their index, then the text drawn there. */
async function shownPath(page: Page): Promise<unknown> {
  return await page.evaluate(`({
    accepted: [...document.querySelectorAll(".draft-tree .node.accepted")].map(({ dataset }) => Number(dataset.node)),
    rejected: document.querySelectorAll(".draft-tree .node.rejected").length,
    drawn: [...document.querySelectorAll(".draft-tree .node.drawn .text")].map(({ textContent }) => textContent),
  })`);
}

/** The same as the API has it. */
function pathOf(round: SpeculationRound): unknown {
  const drawn = round.tokens.filter(({ origin }) => origin === "bonus").map(({ text }) => text);
  return {
    accepted: round.accepted,
    rejected: round.tree!.tokens.length - round.accepted.length,
    drawn: drawn.map((text) => shortVisibleText(text, 10)),
  };
}

/** Pixels by which the tree is wider than its box. */
async function overflowOf(page: Page): Promise<number> {
  return await page.evaluate(`(() => {
    const { scrollWidth, clientWidth } = document.querySelector(".draft-tree");
    return scrollWidth - clientWidth;
  })()`);
}
