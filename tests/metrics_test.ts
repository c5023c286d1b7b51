/**
 * What docs/metrics.md and the dashboard say of `/metrics`, beside what the real server says.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import parseText from "parse-prometheus-text-format";
import { z } from "zod";
import { readExposition, type ReadFamily, valueOf } from "./support/exposition.ts";
import { eagle3Flags, needsModel } from "./support/model_file.ts";
import { ServerProcess } from "./support/server_process.ts";

const { ignore, path: modelPath } = needsModel();
const docs = join(import.meta.dirname!, "..", "docs");
const flags = [
  ...["--model-path", modelPath, "--context-length", "2048", "--skip-server-warmup"],
  ...eagle3Flags(2),
];
/** Labels that docs/metrics.md names once for a section. */
const common = new Set(["model_name", "engine_type", "tp_rank", "pp_rank", "moe_ep_rank"]);

/** What a label of a PromQL selector may be beside the metric's own. */
const targetLabels = ["instance", "job", "le"];

const gridPos = z.strictObject({ h: z.int().min(1), w: z.int().min(1).max(24), x: z.int(), y: z.int() });
const datasource = z.strictObject({ type: z.literal("prometheus"), uid: z.literal("${datasource}") });
/** What Grafana needs of a dashboard to import it. */
const dashboard = z.object({
  id: z.null(),
  uid: z.string().min(1).max(40),
  title: z.string().min(1),
  schemaVersion: z.int().min(36),
  time: z.object({ from: z.string(), to: z.string() }),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), type: z.string(), query: z.unknown() })),
  }),
  panels: z.array(z.discriminatedUnion("type", [
    z.object({ type: z.literal("row"), id: z.int(), title: z.string(), gridPos, panels: z.array(z.never()) }),
    z.object({
      type: z.enum(["timeseries", "heatmap"]),
      id: z.int(),
      title: z.string().min(1),
      gridPos,
      datasource,
      fieldConfig: z.object({ defaults: z.object(), overrides: z.array(z.unknown()) }),
      targets: z.array(z.object({ refId: z.string(), datasource, expr: z.string().min(1) })).min(1),
    }),
  ])),
});

Deno.test({ name: "metrics: docs and dashboard say what the server says", ignore }, async (t) => {
  await using server = await ServerProcess.start(flags);
  await generate(server, { text: "Once upon a time", sampling_params: { max_new_tokens: 16 } });
  await generate(server, { text: "One, two,", stream: true, sampling_params: { max_new_tokens: 16 } });
  await chat(server);
  const response = await fetch(`${server.url}/metrics`);
  assert.equal(response.headers.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text(), families = readExposition(text);

  await t.step("another reader of the format finds the same metrics", () => {
    const found = (parseText(text) as { name: string; type: string; help: string }[])
      .map(({ name, type, help }) => [name, type.toLowerCase(), help]);
    assert.deepEqual(found, [...families].map(([name, { type, help }]) => [name, type, help]));
  });

  await t.step("what happened is counted", () => {
    assert.equal(valueOf(families, "sglang:num_requests_total", { is_streaming: "true" }), 1);
    assert.equal(valueOf(families, "sglang:num_requests_total", { is_streaming: "false" }), 2);
    assert.equal(valueOf(families, "sglang:queue_time_seconds"), 3);
    assert.equal(valueOf(families, "aerie:tokenizer_seconds", { operation: "render_chat" }), 1);
    assert(valueOf(families, "aerie:draft_tokens_proposed_total", { depth: "2" }) > 0);
    assert(valueOf(families, "aerie:step_seconds_total", { phase: "draft" }) > 0);
    assert(valueOf(families, "aerie:connections") >= 1);
  });

  await t.step("docs/metrics.md has a row for every metric, and none for another", () => {
    assert.deepEqual(
      documented(),
      [...families].map(([name, { type, labels, help }]) => {
        const own = [...labels].filter((label) => !common.has(label)).sort();
        return { name, type, labels: own.join(", "), help };
      }).sort(byName),
    );
  });

  await t.step("what has a name of SGLang's has its type and labels", () => {
    const known = Deno.readTextFileSync(join(import.meta.dirname!, "golden", "sglang_metrics.txt"))
      .split("\n").filter((line) => line.startsWith("sglang:"));
    for (const { name, type, labels } of documented()) {
      if (!name.startsWith("sglang:")) continue;
      const line = [name, type, ...labels === "" ? [] : labels.split(", ")].join(" ");
      assert(known.includes(line), `${line} is not SGLang's`);
    }
  });

  await t.step("every expression of the dashboard is PromQL over these metrics and their labels", () => {
    const { panels, templating } = readDashboard();
    const queries = templating.list.filter(({ type }) => type === "query")
      .map(({ query }) =>
        /^label_values\((.+), \w+\)$/.exec(z.object({ query: z.string() }).parse(query).query)![1]!
      );
    const exprs = panels.flatMap((panel) =>
      panel.type === "row" ? [] : panel.targets.map(({ expr }) => expr)
    );
    for (const expr of [...queries, ...exprs]) checkExpression(expr, families);
  });
});

Deno.test("metrics: the dashboard has the form that Grafana imports", () => {
  const { panels, templating } = readDashboard();
  const ids = panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, "ids");
  const taken = new Map<string, string>();
  for (const { gridPos: { x, y, w, h }, title } of panels) {
    assert(x >= 0 && y >= 0 && x + w <= 24, title);
    for (let row = y; row < y + h; row++) {
      for (let column = x; column < x + w; column++) {
        const place = `${row} ${column}`;
        assert(!taken.has(place), `${title} is on top of ${taken.get(place)}`);
        taken.set(place, title);
      }
    }
  }
  const variables = templating.list.map(({ name, type }) => `${name} ${type}`);
  assert.deepEqual(variables, ["datasource datasource", "model query", "instance query"]);
});

async function generate(server: ServerProcess, body: object): Promise<void> {
  await post(server, "/generate", body);
}

async function chat(server: ServerProcess): Promise<void> {
  await post(server, "/v1/chat/completions", {
    messages: [{ role: "user", content: "Count to twenty." }],
    max_tokens: 16,
  });
}

async function post(server: ServerProcess, path: string, body: object): Promise<void> {
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
}

interface Row {
  readonly name: string;
  readonly type: string;
  readonly labels: string;
  readonly help: string;
}

function documented(): Row[] {
  const lines = Deno.readTextFileSync(join(docs, "metrics.md")).split("\n");
  return lines.flatMap((line) => {
    const [, name, type, labels, unit, help] = line.split(" | ").join("|").split("|").map((cell) =>
      cell.trim()
    );
    if (!/^`[a-z]+[:_]\w+`$/.test(name ?? "") || help === undefined) return [];
    assert.notEqual(unit, "", line);
    return [{ name: name!.replaceAll("`", ""), type: type!, labels: labels!.replaceAll("`", ""), help }];
  }).sort(byName);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function readDashboard(): z.infer<typeof dashboard> {
  return dashboard.parse(JSON.parse(Deno.readTextFileSync(join(docs, "grafana_dashboard.json"))));
}

function checkExpression(expr: string, families: ReadonlyMap<string, ReadFamily>): void {
  // Grafana's own variables are no PromQL.
  const query = expr.replaceAll("$__rate_interval", "5m"), names: string[] = [], labels: string[] = [];
  parser.parse(query).iterate({
    enter({ type, from, to, node }) {
      assert(!type.isError, `Cannot parse ${query} at ${from}`);
      const text = query.slice(from, to);
      if (type.name === "Identifier" && node.parent?.name === "VectorSelector") names.push(text);
      if (type.name === "LabelName") labels.push(text);
    },
  });
  const known = names.map((name) => {
    const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
    assert(family, `${name} of ${query} is no metric`);
    assert.equal(family.samples.some((sample) => sample.name === name), true, `${name} has no sample`);
    return family;
  });
  for (const label of labels) {
    const isKnown = targetLabels.includes(label) || known.every((family) => family.labels.has(label));
    assert(isKnown, `${label} of ${query} is no label`);
  }
  assert.notEqual(names.length, 0, query);
}
