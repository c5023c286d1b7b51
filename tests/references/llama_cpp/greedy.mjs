/**
 * Greedy continuations by llama.cpp, through node-llama-cpp's own build of it. Standard input: {"files": {name: {"path",
 * "contextSize"}}, "tokens", "numGreedy"}; standard output: {name: [token]}. Run by node in the folder whose
 * `node_modules` has the packages.
 */
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";

const here = createRequire(`${process.cwd()}/package.json`);
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(here.resolve("node-llama-cpp")).href);

const { files, tokens, numGreedy } = JSON.parse(readFileSync(0, "utf8"));
const llama = await getLlama({
  gpu: false,
  build: "never",
  skipDownload: true,
  logLevel: LlamaLogLevel.error,
});
const greedy = {};
for (const [name, { path: modelPath, contextSize }] of Object.entries(files)) {
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const context = await model.createContext({ contextSize, threads: 1, batchSize: 128 });
  greedy[name] = [];
  const options = { temperature: 0, yieldEogToken: true };
  for await (const token of context.getSequence().evaluate(tokens, options)) {
    greedy[name].push(token);
    if (greedy[name].length === numGreedy) break;
  }
  await context.dispose();
  await model.dispose();
}
process.stdout.write(JSON.stringify(greedy), () => process.exit(0));
