/**
 * Mutants: faults put into the sources one at a time, each of which a test has to find.
 *
 * @module
 */
import { join } from "node:path";

/** Another text in place of one that stands exactly once in a file. */
export interface Edit {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A case of a native test program. */
export interface CaseCheck {
  /** The test file that runs the case, too. */
  readonly test: string;
  readonly program: "ops" | "linear";
  /** `checked` finds faults of access, `plain` has kernels as they are. */
  readonly build: "plain" | "checked";
  readonly case: string;
}

/** Tests of a file, on the simulator's library with access checks. */
export interface FileCheck {
  readonly test: string;
  /** The name of a test, or a part of it. */
  readonly name: string;
}

/** What has to fail. */
export type Check = CaseCheck | FileCheck;

/** A fault and the check that finds it. */
export interface Mutant {
  /** Its number in the list of issue 21; letters part forms of one. */
  readonly id: string;
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly check: Check;
  /** What the check says when it finds the fault: a finding of the simulator or what does not hold. */
  readonly finds: RegExp;
}

/** The text of a file with an edit made. */
export function edited(text: string, { file, find, replace }: Edit): string {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`${file} has ${count} times, expected once:\n${find}`);
  return text.replace(find, () => replace);
}

/**
 * The files that a mutant changes, with their new texts.
 *
 * @throws {Error} if a text is not there, or more than once
 */
export function mutated(root: string, mutant: Mutant): Map<string, string> {
  const files = new Map<string, string>();
  for (const edit of mutant.edits) {
    const text = files.get(edit.file) ?? Deno.readTextFileSync(join(root, edit.file));
    files.set(edit.file, edited(text, edit));
  }
  return files;
}

/** Words for a check. */
export function describe(check: Check): string {
  return "case" in check ? `${check.case} [${check.build}]` : check.name;
}
