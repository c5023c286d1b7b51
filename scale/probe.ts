/**
 * Probes of the fleet's processes over HTTP.
 *
 * @module
 */
import { get } from "node:http";
import { z } from "zod";

const TIMEOUT_MS = 5000;

/** Answers of a router to GET /workers, as far as they count. */
const workersAnswer = z.object({
  workers: z.array(z.object({ url: z.string(), is_healthy: z.boolean() })),
});

/** Status and body of a GET; undefined where nothing answers. Not fetch(), which would ask a proxy. */
function ask(url: string, apiKey?: string): Promise<{ status: number; body: string } | undefined> {
  const headers = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` };
  return new Promise((resolve) => {
    const request = get(url, { headers, agent: false, timeout: TIMEOUT_MS }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => body += text);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.once("error", () => resolve(undefined));
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(undefined));
  });
}

/** Whether the worker at `url` takes requests. */
export async function isWorkerReady(url: string): Promise<boolean> {
  return (await ask(`${url}/health`))?.status === 200;
}

/** Whether the router at `url` sends requests to `numWorkers` workers. */
export async function isRouterReady(
  url: string,
  numWorkers: number,
  apiKey: string | undefined,
): Promise<boolean> {
  const answer = await ask(`${url}/workers`, apiKey);
  if (answer?.status !== 200) return false;
  const parsed = workersAnswer.safeParse(JSON.parse(answer.body));
  return parsed.success && parsed.data.workers.filter((worker) => worker.is_healthy).length === numWorkers;
}
