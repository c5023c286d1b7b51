/**
 * The playground's entry: draws the page.
 *
 * @module
 */
import { browserStorage } from "./chat/browser_storage.ts";
import { Playground } from "./chat/playground.ts";
import { Shell } from "./shell.ts";
import { html, render } from "./ui/html.ts";

const playground = new Playground(browserStorage("localStorage"), browserStorage("sessionStorage"));
addEventListener("pagehide", () => playground.answering.saveAll());
addEventListener("storage", ({ key }) => playground.conversations.takeOver(key));
render(html`<${Shell} playground=${playground} />`, document.getElementById("app")!);
void playground.connection.ask();
