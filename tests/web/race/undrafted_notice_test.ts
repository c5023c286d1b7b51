/** The race on a server without speculation. */
import { lacksBrowser } from "../../support/browser.ts";
import { needsModel } from "../../support/model_file.ts";
import { ServerProcess } from "../../support/server_process.ts";
import { openRace, race } from "./race_page.ts";

Deno.test({
  name: "race: says that the server has no speculation, and how to start it with it",
  ignore: lacksBrowser || needsModel().ignore,
  async fn() {
    const flags = ["--model-path", needsModel().path, "--speculative-algorithm", "NONE"];
    await using server = await ServerProcess.start(flags);
    await using browser = await openRace(server.url);
    await browser.page.getByRole("spinbutton", { name: "Tokens at most" }).fill("8");
    await race(browser);
    const notice = browser.page.getByText(/the server has no speculation\. Start it with/);
    await notice.getByText("--speculative-algorithm NGRAM").waitFor();
    await browser.page.getByText("Texts: equal, 8 tokens.").first().waitFor();
    await browser.assertAccessible();
  },
});
