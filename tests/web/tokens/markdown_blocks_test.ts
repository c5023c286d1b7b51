/** Answers as Markdown, growing and hostile ones. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { MarkdownFlow } from "../../../web/tokens/markdown_blocks.ts";

const PIECES = [
  "word ",
  "\n",
  "\n\n",
  "# ",
  "- ",
  "1. ",
  "> ",
  "```\n",
  "    ",
  "| a | b |\n| - | - |\n",
  "---\n",
  "**",
  "`",
  "\r\n",
  "[x](https://a.example/)",
  "<b>",
  "<!-- ",
  "-->",
  "[l][r]",
  "\n\n[r]: https://r.example/\n\n",
  "\t",
  "===\n",
  "\\",
];

function render(text: string): string {
  const flow = new MarkdownFlow();
  flow.update(text, true);
  return flow.blocks.map(({ html }) => html).join("");
}

Deno.test("markdown blocks: a text that grew piece by piece reads as the whole one", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }), (pieces) => {
      const grown = new MarkdownFlow();
      let text = "";
      for (const piece of pieces) grown.update(text += piece, false);
      grown.update(text, true);
      assert.equal(grown.blocks.map(({ html }) => html).join(""), render(text));
    }),
    { numRuns: 400 },
  );
});

Deno.test("markdown blocks: what is above the end keeps its objects while the text grows", () => {
  const flow = new MarkdownFlow();
  let text = "";
  for (let index = 0; index < 40; index++) {
    const before = flow.blocks;
    flow.update(text += `Paragraph ${index}.\n\n`, false);
    for (const [index, block] of before.slice(0, -3).entries()) assert.equal(flow.blocks[index], block);
  }
  assert.equal(flow.blocks.filter(({ html }) => html !== "").length, 40);
});

Deno.test("markdown blocks: HTML in an answer is text", () => {
  for (
    const attack of [
      "<img src=x onerror=alert(1)>",
      "<script>alert(1)</script>",
      "<svg onload=alert(1)><circle/></svg>",
      "a <b onclick=alert(1)>b</b> <pre><code>&lt;b&gt;</pre>",
      "<details open ontoggle=alert(1)>",
      "```<img src=x>\n<img src=x onerror=alert(1)>\n```",
      "# <img src=x onerror=alert(1)>",
      "| <img src=x onerror=alert(1)> |\n| - |\n| <svg onload=alert(1)> |",
      "![<img src=x onerror=alert(1)>](x)",
      '[x](https://a.example/"onmouseover="alert(1))',
      "<!-- <img src=x onerror=alert(1)> -->",
    ]
  ) {
    const html = render(attack);
    assert.doesNotMatch(html, /<(?:img|script|svg|details|b|circle|!)|<[^>]*\son\w+=/i, attack);
  }
  assert.equal(render("<b>bold</b>"), "<p>&lt;b&gt;bold&lt;/b&gt;</p>\n");
});

Deno.test("markdown blocks: links that leave to anything but web and mail are text", () => {
  for (
    const address of [
      "javascript:alert(1)",
      "JaVaScRiPt:alert(1)",
      "data:text/html,x",
      "vbscript:x",
      "/path",
      "#top",
    ]
  ) {
    const text = `[click](${address})`;
    assert.doesNotMatch(render(text), /<a/);
    assert.match(render(text), /\[click\]/);
  }
  assert.match(
    render("[a](https://a.example/) <mailto:x@a.example>"),
    /<a href="https:\/\/a.example\/">a<\/a>.*<a href="mailto:/,
  );
});

Deno.test("markdown blocks: images are their alternative text and address", () => {
  assert.match(
    render("![a cat](https://a.example/cat.png)"),
    /\[Image: a cat\] \(https:\/\/a.example\/cat.png\)/,
  );
});

Deno.test("markdown blocks: a definition at the end gives links above it their address", () => {
  const flow = new MarkdownFlow(), text = "See [this][r].\n\nMore.\n\nAnd more.\n\n[r]: https://r.example/\n";
  for (let length = 1; length <= text.length; length++) flow.update(text.slice(0, length), false);
  flow.update(text, true);
  assert.match(flow.blocks.map(({ html }) => html).join(""), /<a href="https:\/\/r.example\/">this<\/a>/);
});
