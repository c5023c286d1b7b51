/**
 * Why nothing was drafted in a race, and how to start a server that drafts.
 *
 * @module
 */
import { fetchFacts } from "../api/server_facts.ts";
import { html, useEffect, useState, type VNode } from "../ui/html.ts";

/** Properties of {@linkcode UndraftedNotice}. */
export interface UndraftedNoticeProps {
  readonly apiKey: string;
}

/** Says that both runs were plain, and why as soon as the server has told. */
export function UndraftedNotice({ apiKey }: UndraftedNoticeProps): VNode {
  const [algorithm, setAlgorithm] = useState<string | undefined>(undefined);
  useEffect(() => {
    fetchFacts(apiKey).then((facts) => {
      setAlgorithm("modelName" in facts ? facts.algorithm ?? NO_ALGORITHM : undefined);
    });
  }, [apiKey]);
  return html`
    <p class="notice">Nothing was drafted, so both runs were plain${algorithm === undefined
      ? "."
      : algorithm === NO_ALGORITHM
      ? HOW_TO_START
      : `: the server has ${algorithm},
        but its drafts did not pay here.`}</p>
  ` as VNode;
}

const NO_ALGORITHM = "NONE";

const HOW_TO_START = html`: the server has no speculation. Start it with${" "}
  <code>--speculative-algorithm NGRAM</code>, which needs no draft head, or with the default model, which has a head
  and uses it unless told otherwise.`;
