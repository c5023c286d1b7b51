/**
 * Builds a native test program and runs a case of it: `case.ts ops checked <case>`, or without a case builds only.
 *
 * @module
 */
import { linearPrograms, opPrograms, type SimBuild } from "../support/sim_programs.ts";

const [program, build, name] = Deno.args;
const programs = { ops: opPrograms, linear: linearPrograms }[program as "ops" | "linear"];
if (name === undefined) await programs.pathOf(build!);
else await programs.passSilently(build as SimBuild, name);
