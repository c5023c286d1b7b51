/**
 * The server: reads the command line, brings up engine and HTTP, and takes both down again.
 *
 * ```sh
 * deno run -A serve.ts --help
 * ```
 *
 * @module
 */
import { join } from "node:path";
import { withApiKey } from "./cli/api_key.ts";
import { describeArgs, describeConfig, parseArgs, type ParsedArgs } from "./cli/args.ts";
import { createLog, type Log } from "./cli/log.ts";
import { Progress } from "./cli/progress.ts";
import { Shutdown } from "./cli/shutdown.ts";
import { warmUp } from "./cli/warm_up.ts";
import { ensureLibrary } from "./ffi/build.ts";
import { defaultMaxConnections } from "./http/descriptors.ts";
import { type Handler, Listener } from "./http/listener.ts";
import { createApp } from "./routes/app.ts";
import { errorResponse, toErrorReply } from "./routes/errors.ts";
import { isLocalName } from "./routes/origins.ts";
import type { Checkpoint } from "./runtime/contracts/checkpoint.ts";
import type { ServerArgs } from "./runtime/contracts/server_args.ts";
import { startEngine } from "./runtime/engine/engine.ts";
import { UnavailableError } from "./runtime/contracts/errors.ts";
import { type OpenedSpeculation, openSpeculation } from "./runtime/speculation/setup/open_speculation.ts";
import { type HostedTokenizer, hostTokenizer } from "./runtime/tokenizer/host/hosted_tokenizer.ts";
import { ensureLoadableFolders, type LoadableFolders } from "./runtime/tokenizer/loadable_folders.ts";
import { openCheckpoint } from "./runtime/weights/checkpoint.ts";
import { cacheFolder } from "./runtime/weights/default_model.ts";
import { type DownloadProgress, resolveModel } from "./runtime/weights/resolve.ts";

function unavailable(reason: string): Handler {
  const reply = toErrorReply(new UnavailableError(`Cannot accept request: ${reason}`));
  return () => errorResponse(reply);
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
  const [libraryPath, opened] = await Promise.all([
    ensureLibrary({ onProgress: (text) => progress.show("build", text) }),
    openModel(args, progress, log),
  ]);
  const { checkpoint, tokenizer, folders, speculation, notes: remarks } = opened;
  progress.clear();
  for (const remark of remarks) log("warning", remark);
  log("info", describeTemplate(args, tokenizer));

  const engine = await startEngine({
    args,
    checkpoint,
    tokenizer,
    folders,
    speculation,
    libraryPath,
    device: "cpu",
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

async function openModel(
  args: ServerArgs,
  progress: Progress,
  log: Log,
): Promise<
  OpenedSpeculation & {
    checkpoint: Checkpoint;
    tokenizer: HostedTokenizer;
    folders: LoadableFolders | undefined;
  }
> {
  const options = {
    downloadDir: args.downloadDir,
    onProgress: (bytes: DownloadProgress) => progress.showBytes(bytes),
  };
  const { tokenizerPath, revision } = args;
  const target = await openCheckpoint(
    await resolveModel(args.modelPath, { ...options, tokenizerPath, revision }),
  );
  const { checkpoint, tokenizerSource } = target;
  // Its hosts build it while the rest is read and the weights are loaded.
  const tokenizer = hostTokenizer(tokenizerSource, {
    chatTemplate: args.chatTemplate,
    timeoutMs: args.tokenizeTimeout * 1000,
    log,
  });
  const folders = await ensureLoadableFolders(tokenizerSource, {
    cacheDir: join(cacheFolder(args.downloadDir), "folders"),
    contextLength: args.contextLength ?? checkpoint.config.maxPositionEmbeddings,
    modelFiles: checkpoint.files,
  }).catch((error) => {
    log("warning", `Cannot write the tokenizer's files, which routers load: ${error.message}`);
    return undefined;
  });
  return { ...await openSpeculation(args, target, options), checkpoint, tokenizer, folders };
}

function describeTemplate({ chatTemplate }: ServerArgs, tokenizer: HostedTokenizer): string {
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
      if (parsed.printConfig) print(describeConfig(args, origins, parsed.neutral));
      else await serve({ ...parsed, args, notes: [...parsed.notes, ...notes] }, progress);
    }
  } catch (error) {
    progress.clear();
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    progress.print(showStack && stack !== undefined ? stack : `Error: ${message}`);
    Deno.exit(1);
  }
}
