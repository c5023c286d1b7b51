/**
 * What the Kubernetes manifests of the documentation must hold to.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { parseArgs } from "../../cli/args.ts";
import { FakeGenerator } from "../support/fake_generator.ts";
import { appOf } from "../support/http.ts";

const folder = join(import.meta.dirname!, "..", "..", "docs", "kubernetes");

const probe = z.object({
  httpGet: z.object({ path: z.string(), port: z.string() }),
  periodSeconds: z.int(),
  failureThreshold: z.int().default(3),
});
const deployment = z.object({
  kind: z.literal("Deployment"),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.object({
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()).default({}),
      }),
      spec: z.object({
        enableServiceLinks: z.literal(false),
        terminationGracePeriodSeconds: z.int(),
        containers: z.tuple([z.object({
          args: z.array(z.string()),
          ports: z.tuple([z.object({ name: z.literal("http"), containerPort: z.int() })]),
          startupProbe: probe.optional(),
          readinessProbe: probe,
          livenessProbe: probe,
          lifecycle: z.object({ preStop: z.object({ sleep: z.object({ seconds: z.int() }) }) }).optional(),
        })]),
      }),
    }),
  }),
});

/** All objects of a manifest, by kind. */
function objectsOf(file: string): ReadonlyMap<string, unknown> {
  const documents = parseAllDocuments(Deno.readTextFileSync(join(folder, file)));
  assert(Array.isArray(documents));
  return new Map(documents.map((document) => {
    assert.deepEqual(document.errors, []);
    const { apiVersion, kind, ...rest } = document.toJS();
    assert(typeof apiVersion === "string" && typeof kind === "string");
    return [kind, { kind, ...rest }];
  }));
}

const workers = deployment.parse(objectsOf("workers.yaml").get("Deployment"));
const router = deployment.parse(objectsOf("router.yaml").get("Deployment"));
const { spec: workerPod, metadata: workerMetadata } = workers.spec.template;
const [worker] = workerPod.containers;
const [{ args: routerArgs }] = router.spec.template.spec.containers;
const valueOf = (flag: string) =>
  routerArgs.find((arg) => arg.startsWith(`--${flag}=`))?.slice(flag.length + 3);

Deno.test("kubernetes: the workers' flags are flags, and their port is the container's", () => {
  const parsed = parseArgs(worker.args);
  assert(parsed.type === "serve");
  assert.equal(parsed.args.port, worker.ports[0].containerPort);
  assert.equal(parsed.args.maxQueuedPerClient, -1);
  assert.equal(parsed.args.host, "0.0.0.0");
});

Deno.test("kubernetes: pods have longer to end than requests", () => {
  const parsed = parseArgs(worker.args);
  assert(parsed.type === "serve");
  const { drainTimeout } = parsed.args, pause = worker.lifecycle!.preStop.sleep.seconds;
  assert(workerPod.terminationGracePeriodSeconds > pause + drainTimeout + 1);
  const { periodSeconds, failureThreshold } = worker.livenessProbe;
  assert(periodSeconds * failureThreshold > drainTimeout, "a pod that drains is not taken for a dead one");
  const grace = Number(valueOf("shutdown-grace-period-secs"));
  assert(router.spec.template.spec.terminationGracePeriodSeconds > grace);
  assert(grace > drainTimeout, "the router waits for what the workers finish");
});

Deno.test("kubernetes: probes ask what is answered, without the key", async () => {
  const app = appOf(new FakeGenerator(), { apiKey: "secret" });
  const draining = appOf(new FakeGenerator(), { apiKey: "secret", isDraining: () => true });
  for (const { httpGet } of [worker.startupProbe!, worker.readinessProbe, worker.livenessProbe]) {
    assert.equal(httpGet.port, "http");
    for (const [server, status] of [[app, 200], [draining, 503]] as const) {
      const response = await server.request(httpGet.path);
      await response.body?.cancel();
      assert.equal(response.status, status, httpGet.path);
    }
  }
});

Deno.test("kubernetes: services, router and autoscaling find the workers", () => {
  const { app } = workerMetadata.labels;
  assert.deepEqual(workers.spec.selector.matchLabels, { app });
  assert.equal(valueOf("selector"), `app=${app}`);
  assert.equal(valueOf("service-discovery-port"), String(worker.ports[0].containerPort));
  assert.equal(workerMetadata.annotations["prometheus.io/port"], String(worker.ports[0].containerPort));
  const service = z.object({ spec: z.object({ selector: z.record(z.string(), z.string()) }) });
  assert.deepEqual(service.parse(objectsOf("workers.yaml").get("Service")).spec.selector, { app });
  assert.deepEqual(
    service.parse(objectsOf("router.yaml").get("Service")).spec.selector,
    router.spec.template.metadata.labels,
  );
  const parsed = parseArgs(worker.args);
  assert(parsed.type === "serve");
  const { servedModelName } = parsed.args;
  const scaled = z.object({
    spec: z.object({
      scaleTargetRef: z.object({ name: z.literal(workers.metadata.name) }),
      triggers: z.tuple([z.object({
        type: z.literal("prometheus"),
        metadata: z.object({
          query: z.string().includes(`sglang:num_queue_reqs{model_name="${servedModelName}"}`),
        }),
      })]),
    }),
  });
  scaled.parse(objectsOf("autoscaling.yaml").get("ScaledObject"));
});
