/**
 * Parts of an answer: what a model's text says beside the text that is shown.
 *
 * @module
 */

/** A part of an answer, in the order in which they come. */
export type AnswerPart =
  | { readonly type: "reasoning"; readonly text: string }
  | { readonly type: "content"; readonly text: string }
  /** A call begins; its arguments follow as text of a JSON object. Calls of an answer are numbered from 0. */
  | { readonly type: "call"; readonly index: number; readonly id: string; readonly name: string }
  | { readonly type: "arguments"; readonly index: number; readonly text: string };

/** A call that is complete. */
export interface AnsweredCall {
  readonly id: string;
  readonly name: string;
  /** Text of a JSON object; cut off where the generation was. */
  readonly arguments: string;
}

/** What an answer says: its parts put together. */
export interface AnswerTexts {
  readonly reasoning: string;
  readonly content: string;
  readonly calls: readonly AnsweredCall[];
}

/** Puts the parts of an answer together. */
export function joinParts(parts: readonly AnswerPart[]): AnswerTexts {
  let reasoning = "", content = "";
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const part of parts) {
    switch (part.type) {
      case "reasoning":
        reasoning += part.text;
        break;
      case "content":
        content += part.text;
        break;
      case "call":
        calls[part.index] = { id: part.id, name: part.name, arguments: "" };
        break;
      case "arguments":
        calls[part.index]!.arguments += part.text;
        break;
    }
  }
  return { reasoning, content, calls };
}
