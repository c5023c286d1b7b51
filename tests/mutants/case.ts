/**
 * Builds a native test program and runs a case of it, `case.ts ops checked <case>`, or without a case builds only; or
 * builds the library with access checks, `case.ts library`, and prints its path.
 *
 * @module
 */
import { checkedLibrary, linearPrograms, opPrograms, type SimBuild } from "../support/sim_programs.ts";

const [program, build, name] = Deno.args;
if (program === "library") {
  const path = await checkedLibrary.pathOf("libaerie_cuda_sim.so");
  Deno.stdout.writeSync(new TextEncoder().encode(`${path}\n`));
} else {
  const programs = { ops: opPrograms, linear: linearPrograms }[program as "ops" | "linear"];
  if (name === undefined) await programs.pathOf(build!);
  else await programs.passSilently(build as SimBuild, name);
}
