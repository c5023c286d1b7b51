/**
 * Texts that tokenizers get wrong: code, many scripts, emoji, runs of white space, control characters, combining marks,
 * lone surrogates, very long words.
 *
 * @module
 */

/** What texts are put together from; each list is one kind. */
const KINDS: readonly (readonly string[])[] = [
  [
    "the",
    "Quick",
    "brown",
    " fox",
    " jumps",
    "over",
    "\n",
    " it's",
    " they'LL",
    "we've",
    "'ſ",
    "DON'T",
    "İstanbul",
  ],
  [
    "def f(x):\n    return x ** 2\n",
    "\tif (a && b) {\r\n",
    "};",
    "//",
    "==",
    "!=",
    "<div class='x'>",
    "0x1F",
    "::",
  ],
  ["漢字", "かな", "カタカナ", "한국어", "中文。", "、", "「", "ﾊﾞｶﾞ", "㍿", "ー", "𠀀", "\u{31350}", "\ufa11"],
  ["😀", "👩‍🚀", "👨‍👩‍👧‍👦", "🇩🇪", "🏳️‍🌈", "👍🏽", "☺️", "\u{1fae8}", "#️⃣"],
  ["שָׁלוֹם", "مرحبا", "\u200fעברית", "\u202bعربي\u202c", "١٢٣", "۴۵", "हिन्दी", "क्षि", "ไทย", "தமிழ்", "ខ្មែរ"],
  [
    " ",
    "  ",
    "\t",
    "\n\n",
    "\r\n",
    "\u00a0",
    "\u3000",
    "\u2028",
    "\u0085",
    "\ufeff",
    "\u200b",
    "\u200d",
    "   \n  ",
  ],
  ["\0", "\x01", "\x07", "\x1b[0m", "\x7f", "\u009f", "\ufffd", "\ufffe", "\ufdd0", "\u{10ffff}", "\u{e000}"],
  [
    "e\u0301",
    "a\u0323\u0307",
    "\u0344",
    "\u1100\u1161\u11a8",
    "ﬁ",
    "Å",
    "ﷺ",
    "½",
    "²",
    "Ⅷ",
    "ǆ",
    "ß",
    "ΣΑΣ",
    "\u1ac5\u0301",
  ],
  ["1234567890", "3.14", "1,000", "٣٤٥", "𝟘", "\u{11de0}", "2e-9", "१२"],
  [
    "<s>",
    "</s>",
    "<unk>",
    "<|endoftext|>",
    "<|im_start|>",
    "<bos>",
    "<think>",
    "<0x0A>",
    "▁",
    "Ġ",
    "▁▁a",
    "<tool_call>",
  ],
  ["_", "-", "'", '"', "...", "–", "—", "•", "€", "§", "~", "`", "^^", "{{", "}}", "[0]", "\\n", "@@", "##a"],
  ["\ud800", "\udc00", "\udfff\ud83d", "a\ud83d"],
];

/** Numbers from 0 on below 1, the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many texts, the same for the same seed. */
export function oddTexts(count: number, seed: number): string[] {
  const next = random(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  const pick = <Item>(list: readonly Item[]) => list[below(list.length)]!;
  const anyCharacter = () => {
    const codePoint = below(3) === 0 ? below(0x110000) : below(0x3000);
    return String.fromCodePoint(codePoint);
  };
  const makers: readonly (() => string)[] = [
    () => Array.from({ length: 1 + below(12) }, () => pick(pick(KINDS))).join(""),
    () => Array.from({ length: 1 + below(20) }, () => pick(pick(KINDS))).join(" "),
    () => Array.from({ length: 1 + below(30) }, anyCharacter).join(""),
    () => {
      const kind = pick(KINDS);
      return Array.from({ length: 1 + below(20) }, () => pick(kind)).join("");
    },
    () => pick(pick(KINDS)).repeat(1 + below(400)),
  ];
  return Array.from({ length: count }, () => pick(makers)());
}
