/**
 * The lists of docs/sglang_flags.md: `deno run -A tests/support/neutral_flags_page.ts` writes them.
 *
 * @module
 */
import { join } from "node:path";
import { type NeutralFlag, neutralFlags } from "../../cli/neutral_flags.ts";

/** The page. */
export const NEUTRAL_FLAGS_PAGE: string = join(
  import.meta.dirname!,
  "..",
  "..",
  "docs",
  "sglang_flags.md",
);

const HEAD = `# Flags of SGLang without effect

Flags of SGLang 0.5.23, and some of older ones, that do nothing here. Those that act are in [flags.md](flags.md).
`;

/** The page as the table of flags says it should be, before `deno fmt`. */
export function neutralFlagsPage(): string {
  const any = neutralFlags.filter(({ neutral }) => neutral === undefined);
  const some = neutralFlags.filter(({ neutral }) => neutral !== undefined);
  return [
    HEAD,
    "## Accepted at any value\n\nThe log says that they have no effect.\n",
    ...listOf(any),
    "\n## Accepted at a neutral value\n\nThe value stands in parentheses, any other is refused; where there is none, the flag is refused.\n",
    ...listOf(some),
    "",
  ].join("\n");
}

/** One entry per reason. */
function listOf(flags: readonly NeutralFlag[]): string[] {
  const byReason = Map.groupBy(flags, ({ reason }) => reason);
  return [...byReason].map(([reason, group]) => {
    const entries = group.map(({ names, neutral = [] }) =>
      `\`${names.join(", ")}\`${
        neutral.length > 0 ? ` (${neutral.map((word) => `\`${word}\``).join(", ")})` : ""
      }`
    );
    return `- ${reason[0]!.toUpperCase()}${reason.slice(1)}: ${entries.join("; ")}`;
  });
}

if (import.meta.main) Deno.writeTextFileSync(NEUTRAL_FLAGS_PAGE, neutralFlagsPage());
