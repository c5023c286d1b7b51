/**
 * Several servers on this machine behind an existing router, as one URL.
 *
 * ```sh
 * deno run -A scale.ts --workers 2 --model-path path/to/model.gguf
 * ```
 *
 * @module
 */
import { join } from "node:path";
import { ensureRouter } from "./scale/environment.ts";
import { Fleet } from "./scale/fleet.ts";
import { parseScaleArgs, type ScaleOptions } from "./scale/options.ts";
import { checkListens, freePorts } from "./scale/ports.ts";
import { routerCommand, routers } from "./scale/router.ts";

/** More than a worker may take to end once its requests are cut. */
const GRACE_MARGIN_SECONDS = 10;

const print = (line: string) => void Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));

/** Starts everything; it then runs until a signal ends it. */
async function scale(options: ScaleOptions): Promise<void> {
  const { numWorkers, policy, host, apiKey, drainTimeout } = options;
  const router = routers[options.router];
  checkListens(host, options.port);
  const python = await ensureRouter(router, (text) => print(`[scale] ${text}`));
  const [metricsPort, ownPort, ...ports] = freePorts(numWorkers + 2);
  const port = options.port === 0 ? ownPort! : options.port;
  const serve = [Deno.execPath(), "run", "-A", join(import.meta.dirname!, "serve.ts")];
  const workers = ports.map((port, index) => ({
    name: `worker ${index + 1}`,
    url: `http://127.0.0.1:${port}`,
    command: [...serve, ...options.workerFlags, "--host", "127.0.0.1", "--port", String(port)],
  }));
  const plan = {
    host,
    port,
    metricsPort: metricsPort!,
    policy,
    workerUrls: workers.map(({ url }) => url),
    graceSeconds: drainTimeout + GRACE_MARGIN_SECONDS,
  };
  const fleet = new Fleet({
    workers,
    router: {
      name: "router",
      url: `http://${reachable(host)}:${port}`,
      command: routerCommand(router, python, plan),
    },
    apiKey,
    drainTimeout,
    print,
  });
  endOnSignal(fleet);
  try {
    await fleet.start();
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  print(
    `[scale] Ready: http://${
      reachable(host)
    }:${port} is ${options.router} (${policy}) over ${numWorkers} workers`,
  );
}

/** How this machine reaches `host`, as it stands in a URL. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host.includes(":") ? `[${host === "::" ? "::1" : host}]` : host;
}

/** The first SIGINT or SIGTERM lets requests end, the second cuts them. */
function endOnSignal(fleet: Fleet): void {
  let isEnding = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      if (isEnding) return fleet.cut();
      isEnding = true;
      print(`[scale] Received ${signal}: requests may end, again to cut them`);
      void fleet.stop().then(() => Deno.exit(0));
    });
  }
}

if (import.meta.main) {
  try {
    const parsed = parseScaleArgs(Deno.args);
    if (typeof parsed === "string") Deno.stdout.writeSync(new TextEncoder().encode(`${parsed.trimEnd()}\n`));
    else await scale(parsed);
  } catch (error) {
    print(`Error: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
