/**
 * Post-processors of tokenizer.json, which put special tokens around a text.
 *
 * @module
 */
import { type Refuse, StepReader, type TokenizerStep } from "./step.ts";

/** Ids before and after a text. */
export interface Surroundings {
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
}

const NOTHING: Surroundings = { prefix: [], suffix: [] };

/**
 * What a step puts around one text.
 *
 * @param idOf the id of a token's text, where the step itself does not say it
 * @throws {LoadError} if the step is unknown, or names a token that is none
 */
export function surroundings(
  step: TokenizerStep | null,
  idOf: (text: string) => number | undefined,
  refuse: Refuse,
): Surroundings {
  if (step === null) return NOTHING;
  const reader = new StepReader(step, "post_processor", refuse);
  switch (step.type) {
    case "ByteLevel":
      return NOTHING;
    case "BertProcessing":
    case "RobertaProcessing":
      return { prefix: [tokenId(reader, "cls")], suffix: [tokenId(reader, "sep")] };
    case "TemplateProcessing":
      return template(reader, idOf);
    case "Sequence":
      return reader.steps("processors").reduce<Surroundings>(({ prefix, suffix }, part) => {
        const outer = surroundings(part, idOf, refuse);
        return { prefix: [...outer.prefix, ...prefix], suffix: [...suffix, ...outer.suffix] };
      }, NOTHING);
    default:
      throw reader.unknown();
  }
}

/** The id of a pair of text and id. */
function tokenId(step: StepReader, name: string): number {
  const token = step.get(name);
  const id = Array.isArray(token) ? token[1] : undefined;
  if (!Number.isInteger(id) || id < 0) {
    throw step.refuse(`has ${name} ${JSON.stringify(token)}, expected a text and an id`);
  }
  return id;
}

interface TemplateItem {
  readonly SpecialToken?: { readonly id?: unknown };
  readonly Sequence?: { readonly id?: unknown };
}

function template(step: StepReader, idOf: (text: string) => number | undefined): Surroundings {
  const items = step.get("single");
  if (!Array.isArray(items)) throw step.refuse("has no list single");
  const specials = (step.get("special_tokens") ?? {}) as Readonly<Record<string, { readonly ids?: unknown }>>;
  const idsOf = (item: TemplateItem): readonly number[] => {
    const name = item.SpecialToken?.id;
    if (typeof name !== "string") throw step.refuse(`has ${JSON.stringify(item)}, expected a special token`);
    const ids = Object.hasOwn(specials, name) ? specials[name]?.ids : undefined;
    if (Array.isArray(ids) && ids.every((id) => Number.isInteger(id) && id >= 0)) return ids;
    const id = idOf(name);
    if (id === undefined) throw step.refuse(`names ${JSON.stringify(name)}, which is no token`);
    return [id];
  };
  const at = items.findIndex((item: TemplateItem) => item?.Sequence?.id === "A");
  if (at < 0) throw step.refuse("does not place the text");
  return { prefix: items.slice(0, at).flatMap(idsOf), suffix: items.slice(at + 1).flatMap(idsOf) };
}
