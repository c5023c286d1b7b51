/**
 * The server: reads the command line, brings up engine and HTTP, and takes both down again.
 *
 * ```sh
 * deno run -A serve.ts --help
 * ```
 *
 * @module
 */
import { withApiKey } from "./cli/api_key.ts";
import { describeArgs, describeConfig, parseArgs, type ParsedArgs } from "./cli/args.ts";
import { createLog } from "./cli/log.ts";
import { Progress } from "./cli/progress.ts";
import { Shutdown } from "./cli/shutdown.ts";
import { warmUp } from "./cli/warm_up.ts";
import { defaultMaxConnections } from "./http/descriptors.ts";
import { type Handler, Listener } from "./http/listener.ts";
import { createApp } from "./routes/app.ts";
import { toErrorReply } from "./routes/answers/errors.ts";
import { answerError } from "./routes/error_answer.ts";
import { isLocalName } from "./routes/gate/origins.ts";
import { UnavailableError } from "./runtime/contracts/errors.ts";
import type { ServerArgs } from "./runtime/contracts/server_args.ts";
import { openDevice } from "./runtime/engine/devices.ts";
import { startEngine } from "./runtime/engine/engine.ts";
import { modelList } from "./runtime/engine/model_list.ts";
import { type OpenedModel, openModel } from "./runtime/engine/open_model.ts";

function unavailable(reason: string): Handler {
  const reply = toErrorReply(new UnavailableError(`Cannot accept request: ${reason}`));
  return ({ url }) => answerError(reply, { path: new URL(url).pathname, requestId: crypto.randomUUID() });
}

/** Brings the server up; it then runs until a signal ends the process. */
async function serve(
  { args, notes, neutral }: Extract<ParsedArgs, { type: "serve" }>,
  progress: Progress,
): Promise<void> {
  const log = createLog(args.logLevel, (line) => progress.print(line));
  const shutdown = new Shutdown({ drainMs: args.drainTimeout * 1000, log });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => shutdown.onSignal(signal));
  }
  log("info", describeArgs(args));
  for (const note of notes) log("warning", note);
  for (const remark of neutral) log("info", remark);

  const listener = await Listener.open(
    { ...args, maxConnections: args.maxConnections ?? defaultMaxConnections(), log },
    unavailable("the server is starting"),
  );
  const [device, opened] = await Promise.all([
    openDevice(args, { onProgress: (text) => progress.show("build", text), log }),
    openModel(args, { onProgress: (bytes) => progress.showBytes(bytes), log }),
  ]);
  const { notes: remarks, ...model } = opened;
  progress.clear();
  for (const remark of remarks) log("warning", remark);
  log("info", describeTemplate(args, model.tokenizer));

  const engine = await startEngine({
    args,
    ...model,
    ...device,
    placement: "worker",
    log,
    onCrash(error) {
      log("error", error.message);
      shutdown.crash();
    },
  });
  let isWarm = false;
  const app = createApp(engine, {
    ...args,
    ...allowedHostsOf(args),
    ...(args.randomSeed !== undefined && { defaultSeed: args.randomSeed }),
    numConnections: () => listener.numConnections,
    isWarmingUp: () => !isWarm,
    isDraining: () => shutdown.isDraining,
    log,
  });
  shutdown.serve({ listener, engine });
  listener.answerWith(app.fetch);
  log("info", `Listening on ${listener.url} (press Ctrl+C to quit)`);
  try {
    await warmUp({ ...args, url: listener.ownUrl, model: engine.model.servedModelName, log });
  } catch (error) {
    // A signal came first: what is refused is no fault.
    if (!shutdown.isDraining) throw error;
  }
  isWarm = true;
  if (!shutdown.isDraining) log("info", "The server is fired up and ready to roll!");
}

/** Behind a loopback address a name that is not local can only be a web page's trick. */
function allowedHostsOf({ host, allowedHosts }: ServerArgs): Pick<ServerArgs, "allowedHosts"> {
  if (allowedHosts === undefined && !isLocalName(host)) return {};
  return { allowedHosts: [...allowedHosts ?? [], host] };
}

function describeTemplate({ chatTemplate }: ServerArgs, tokenizer: OpenedModel["tokenizer"]): string {
  if (chatTemplate !== undefined) {
    return `Use chat template for the OpenAI-compatible API server: ${chatTemplate}`;
  }
  return tokenizer.chatTemplate === undefined
    ? "No chat template found: /v1/chat/completions will refuse requests"
    : "Using default HuggingFace chat template with detected content format: string";
}

/** Writes to standard output. */
function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text.trimEnd()}\n`));
}

if (import.meta.main) {
  const progress = new Progress();
  let showStack = false;
  try {
    const parsed = parseArgs(Deno.args, Deno.env);
    if (parsed.type === "print") print(parsed.text);
    else {
      showStack = parsed.args.logLevel === "debug";
      const { args, origins, notes } = withApiKey(parsed.args, Deno.env, parsed.origins);
      if (parsed.listModels) print(modelList());
      else if (parsed.printConfig) print(describeConfig(args, origins, parsed.neutral));
      else await serve({ ...parsed, args, notes: [...parsed.notes, ...notes] }, progress);
    }
  } catch (error) {
    progress.clear();
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    progress.print(showStack && stack !== undefined ? stack : `Error: ${message}`);
    Deno.exit(1);
  }
}
