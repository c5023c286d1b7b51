/**
 * Prompts to race with.
 *
 * @module
 */

/** Prompts by what they are good for: drafts do best where the next words are easy to foresee. */
export const samples: readonly { readonly name: string; readonly prompt: string }[] = [
  { name: "Repetition", prompt: "Count from 1 to 60 in words." },
  {
    name: "Code",
    prompt: "Write a Python class Stack with push, pop, peek and is_empty, with a docstring for each.",
  },
  {
    name: "Open",
    prompt: "Tell me a story about a lighthouse keeper who finds a letter in a bottle.",
  },
];
