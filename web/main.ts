/**
 * The playground's entry: draws the page.
 *
 * @module
 */
import { LoadView } from "./load/load_view.ts";
import { RaceView } from "./race/race_view.ts";
import { html, render } from "./ui/html.ts";

render(
  html`
    <main>
      <h1>Aerie playground</h1>
      <${RaceView} apiKey="" fields=${{}} system="" />
      <${LoadView} apiKey="" />
    </main>
  `,
  document.getElementById("app")!,
);
