/**
 * Metrics as a Prometheus server reads them.
 *
 * @module
 */
import { strict as assert } from "node:assert";

/** What a metric says in a text. */
export interface ReadFamily {
  readonly type: string;
  readonly help: string;
  /** Names of its samples' labels, the bound of a bucket left out. */
  readonly labels: Set<string>;
  readonly samples: ReadSample[];
}

/** One value. */
export interface ReadSample {
  /** The metric's, for a histogram with `_bucket`, `_sum` or `_count`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LABEL = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"`;
const SAMPLE = new RegExp(
  String.raw`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(${LABEL}(?:,${LABEL})*)\})? ` +
    String.raw`([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$`,
);

/** Reads a text in format 0.0.4, strictly: every metric has help and type, and stands once; every value is a number. */
export function readExposition(text: string): Map<string, ReadFamily> {
  assert(text.endsWith("\n"));
  const families = new Map<string, ReadFamily>();
  let name = "", help = "";
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const [, kind, of = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === "HELP") [name, help] = [of, rest];
    else if (kind === "TYPE") {
      assert(of === name && !families.has(name), line);
      assert.match(rest, /^(gauge|counter|histogram)$/);
      families.set(name, { type: rest, help, labels: new Set(), samples: [] });
    } else addSample(families.get(name), name, line);
  }
  return families;
}

function addSample(family: ReadFamily | undefined, familyName: string, line: string): void {
  const [, name, list = "", value] = SAMPLE.exec(line) ?? assert.fail(`Cannot read ${line}`);
  assert(family !== undefined, line);
  assert.equal(family.type === "histogram" ? name!.replace(/_(bucket|sum|count)$/, "") : name, familyName);
  const labels = Object.fromEntries(
    Array.from(list.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g), ([, label, text]) => [label!, text!]),
  );
  for (const label of Object.keys(labels)) if (label !== "le") family.labels.add(label);
  family.samples.push({ name: name!, labels, value: Number(value) });
}

/** Value of the only sample that has all of `labels`; a histogram's is its count. */
export function valueOf(
  families: ReadonlyMap<string, ReadFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const { type, samples } = families.get(name) ?? assert.fail(`There is no ${name}`);
  const sampleName = type === "histogram" ? `${name}_count` : name;
  const matching = samples.filter((sample) =>
    sample.name === sampleName &&
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
  );
  assert.equal(matching.length, 1, `${name}${JSON.stringify(labels)}: ${JSON.stringify(matching)}`);
  return matching[0]!.value;
}
