/**
 * What the server says of model and engine.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";
import { useValue } from "../ui/observable.ts";
import type { Connection } from "./connection.ts";

/** Properties of {@linkcode EngineFacts}. */
export interface EngineFactsProps {
  readonly connection: Connection;
}

/** Facts about model and engine. */
export function EngineFacts({ connection }: EngineFactsProps): VNode {
  const facts = useValue(connection.state, (state) => state.facts);
  if (facts === undefined) {
    return html`
      <section>
        <h3>Engine</h3>
        <p class="muted">Not known yet.</p>
      </section>
    ` as VNode;
  }
  const rows = [
    ["Model", facts.modelName],
    ["Context", facts.contextLength && `${toCount(facts.contextLength)} tokens`],
    ["KV pool", facts.kvPoolTokens && `${toCount(facts.kvPoolTokens)} tokens`],
    ["Speculation", facts.algorithm ?? "off"],
    [
      "Draft tree",
      facts.numDraftNodes && `${facts.numDraftNodes} nodes, ${facts.numDraftLevels} levels at most`,
    ],
    ["Plain step", facts.plainStepMs && `${facts.plainStepMs.toFixed(1)} ms`],
    ["Backend", facts.backend],
    ["Version", facts.version],
  ].filter(([, value]) => value);
  return html`
    <section>
      <h3>Engine</h3>
      <dl class="facts">
        ${rows.map(([name, value]) =>
          html`
            <div>
              <dt>${name}</dt>
              <dd>${value}</dd>
            </div>
          `
        )}
      </dl>
      <p><a href="docs">The API, with examples that run</a></p>
    </section>
  ` as VNode;
}

function toCount(count: number): string {
  return count.toLocaleString("en");
}
