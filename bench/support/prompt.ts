/**
 * The benchmark's prompt: prose of a few hundred tokens, cut to the length that is asked for.
 *
 * @module
 */

/** Plain English text. */
export const PROMPT =
  `The lighthouse stood at the end of a long stone pier, and for forty years the same family had
kept its lamp. Every evening the keeper climbed the hundred and twelve steps with a can of oil, trimmed the wicks, and
wrote the weather into a heavy book with a leather spine. His daughter learned to read from that book. She knew the
names of the ships before she knew the names of the towns they came from, and she could tell by the sound of the wind
in the shutters whether the fishing boats would leave in the morning. When the company sent a letter to say that the
lamp would soon be electric and that nobody would be needed to light it, the keeper read it twice, folded it, and put
it between the pages of the year in which his daughter was born. Then he asked her what she would like to do instead,
and she answered that she wanted to build`;
