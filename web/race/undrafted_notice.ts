/**
 * Why nothing was drafted in a race, and how to start a server that drafts.
 *
 * @module
 */
import { html, useEffect, useState, type VNode } from "../ui/html.ts";

/** Properties of {@linkcode UndraftedNotice}. */
export interface UndraftedNoticeProps {
  readonly apiKey: string;
}

/** Says that both runs were plain. */
export function UndraftedNotice({ apiKey }: UndraftedNoticeProps): VNode {
  const [algorithm, setAlgorithm] = useState<string | undefined>(undefined);
  useEffect(() => {
    askAlgorithm(apiKey).then(setAlgorithm, () => {});
  }, [apiKey]);
  return html`
    <p class="notice">
      ${algorithm === undefined || algorithm === "NONE"
        ? html`Nothing was drafted, so both runs were plain: the server has no speculation. Start it with
        ${" "}<code>--speculative-algorithm NGRAM</code>, which needs no draft head, or with the default model, which
        has a head and uses it unless told otherwise.`
        : html`Nothing was drafted, so both runs were plain: the server has ${algorithm}, but its drafts did not
        pay here.`}
    </p>
  ` as VNode;
}

async function askAlgorithm(apiKey: string): Promise<string | undefined> {
  const response = await fetch("get_server_info", {
    headers: apiKey ? { Authorization: `Bearer ${apiKey}` } : {},
  });
  return response.ok ? (await response.json()).speculative_algorithm ?? "NONE" : undefined;
}
