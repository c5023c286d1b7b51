/**
 * Routers that can be used: packages of PyPI, which do all the routing.
 *
 * @module
 */

/** A router as its package has it. */
export interface Router {
  /** Package of PyPI, pinned. */
  readonly package: string;
  /** Python module with `launch_router`. */
  readonly module: string;
  /** Variable that names a Python interpreter which has the package. */
  readonly variable: string;
  /** Flags that the other does not have. */
  readonly flags: readonly string[];
}

/** By the name on the command line. */
export const routers = {
  "smg": {
    package: "smg==1.13.0",
    module: "smg",
    variable: "AERIE_SMG",
    // A worker that is back is used as soon as its health check says so.
    flags: ["--load-monitor-interval", "1"],
  },
  "sglang-router": {
    package: "sglang-router==0.3.2",
    module: "sglang_router",
    variable: "AERIE_SGLANG_ROUTER",
    flags: [],
  },
} as const satisfies Record<string, Router>;

/** Addresses of a router and of its workers. */
export interface RouterPlan {
  readonly host: string;
  readonly port: number;
  /** Port of its own metrics, on loopback. */
  readonly metricsPort: number;
  readonly policy: string;
  readonly workerUrls: readonly string[];
  /** Seconds that requests under way have after SIGTERM. */
  readonly graceSeconds: number;
}

/** Starts the router of module `argv[1]`; the key comes by the environment, so that it shows in no process list. */
const LAUNCHER = `
import importlib, os, sys
launch = importlib.import_module(sys.argv[1] + ".launch_router")
launch.print_banner = lambda *_: None
args = launch.parse_router_args(sys.argv[2:])
args.api_key = os.environ.pop("AERIE_API_KEY", None)
launch.launch_router(args)
`.trim();

/** The command that runs `router`; the API key goes into `AERIE_API_KEY`. */
export function routerCommand(router: Router, python: string, plan: RouterPlan): string[] {
  const { host, port, metricsPort, policy, workerUrls, graceSeconds } = plan;
  return [
    python,
    "-c",
    LAUNCHER,
    router.module,
    ...["--host", host, "--port", String(port)],
    ...["--prometheus-host", "127.0.0.1", "--prometheus-port", String(metricsPort)],
    ...["--policy", policy, "--worker-urls", ...workerUrls],
    // A worker that died is left out after 4 s at most, and used again 2 s after it is back.
    ...["--health-check-interval-secs", "2", "--health-check-timeout-secs", "2"],
    ...["--health-failure-threshold", "2", "--health-success-threshold", "1"],
    // Fewer than the router's 5 tries, or all of a request's may go to the worker that died.
    ...["--cb-failure-threshold", "3", "--cb-success-threshold", "1", "--cb-timeout-duration-secs", "2"],
    ...["--worker-startup-check-interval", "1"],
    ...["--shutdown-grace-period-secs", String(graceSeconds), "--log-level", "warn"],
    ...router.flags,
  ];
}
