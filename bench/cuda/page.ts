/**
 * The tables of docs/cuda.md that scripts write. Each stands between two comments that name it.
 *
 * @module
 */
import { join } from "node:path";

const root = join(import.meta.dirname!, "..", "..");
const PAGE = join(root, "docs", "cuda.md");

/** Rows of cells; the first is the header. */
export type Table = readonly (readonly string[])[];

/** The comments around a table of this name. */
function marks(name: string): readonly [string, string] {
  return [`<!-- ${name}: deno task docs:cuda -->`, `<!-- end of ${name} -->`];
}

function between(page: string, name: string): readonly [number, number] {
  const [begin, end] = marks(name), from = page.indexOf(begin), to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`Cannot find a table in ${PAGE}: ${name}`);
  return [from + begin.length, to];
}

/** The page's text of this name: what stands before its table, and the table's cells. */
export function readSection(name: string): { readonly text: string; readonly table: Table } {
  const page = Deno.readTextFileSync(PAGE), lines = page.slice(...between(page, name)).trim().split("\n");
  const rows = lines.filter((line) => line.startsWith("|"));
  return {
    text: lines.filter((line) => !line.startsWith("|")).join(" ").trim(),
    table: rows.filter((_, i) => i !== 1).map((row) =>
      row.split("|").slice(1, -1).map((cell) => cell.trim())
    ),
  };
}

/** Writes a text and a table of this name into the page. */
export function writeSection(name: string, text: string, table: Table): void {
  const page = Deno.readTextFileSync(PAGE), [from, to] = between(page, name);
  const [header, ...rows] = table.map((row) => `| ${row.join(" | ")} |`);
  const isNumber = (column: number) => table.slice(1).every((row) => /^[\d.,/ %-]*$/.test(row[column]!));
  const rule = `| ${table[0]!.map((_, column) => isNumber(column) ? "---:" : "---").join(" | ")} |`;
  const section = [text, "", header, rule, ...rows].join("\n");
  Deno.writeTextFileSync(PAGE, `${page.slice(0, from)}\n\n${section}\n\n${page.slice(to)}`);
}

/** Gives the page the format of the house. */
export async function formatPage(): Promise<void> {
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", PAGE] }).output();
}
