/**
 * A process that lets the native threads of many contexts grow right after a run, then ends the contexts. Its arguments:
 * the library, and how many contexts.
 *
 * @module
 */
import { Context } from "../../ffi/context.ts";
import { siluMul } from "../../ffi/ops.ts";

const [libraryPath, count] = Deno.args;
for (let i = 0; i < Number(count); i++) {
  using context = new Context(libraryPath!, { device: "cpu", threads: 4 });
  const x = context.createTensor(16, 80), out = context.createTensor(16, 40);
  for (let run = 0; run < 4; run++) {
    context.setThreads(2);
    siluMul(context, out, x);
    context.setThreads(4);
  }
}
