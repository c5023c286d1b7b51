/**
 * The server's load, asked for while somebody can see it.
 *
 * @module
 */
import { authorizationOf, failureOfKey } from "../api/api_key.ts";
import { failureOf } from "../api/failure.ts";
import { useEffect, useState } from "../ui/html.ts";
import { addSample, type LoadSample, readLoads } from "./load_samples.ts";
import { delayAfter } from "./poll_delay.ts";

/** What is known of the load. */
export interface Loads {
  readonly samples: readonly LoadSample[];
  /** Why the last question failed. */
  readonly failure?: string;
}

/** Asks every two seconds while `isOpen` and the page is seen. */
export function useLoads(apiKey: string, isOpen: boolean): Loads {
  const [loads, setLoads] = useState<Loads>({ samples: [] });
  useEffect(() => {
    if (!isOpen) return;
    const controller = new AbortController(), { signal } = controller;
    let timer: ReturnType<typeof setTimeout> | undefined, numFailures = 0, isAsking = false;
    const poll = async () => {
      isAsking = true;
      const next = await askLoads(apiKey, signal);
      if (signal.aborted) return;
      numFailures = "failure" in next ? numFailures + 1 : 0;
      setLoads(({ samples }) =>
        "failure" in next ? { samples, ...next } : { samples: addSample(samples, next) }
      );
      isAsking = false;
      if (!document.hidden) timer = setTimeout(poll, delayAfter(numFailures));
    };
    const pauseOrResume = () => {
      clearTimeout(timer);
      if (!document.hidden && !isAsking) poll();
    };
    document.addEventListener("visibilitychange", pauseOrResume, { signal });
    pauseOrResume();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [apiKey, isOpen]);
  return loads;
}

async function askLoads(apiKey: string, signal: AbortSignal): Promise<LoadSample | { failure: string }> {
  const unusable = failureOfKey(apiKey);
  if (unusable !== undefined) return { failure: unusable.message };
  try {
    const headers = authorizationOf(apiKey);
    const response = await fetch("v1/loads?include=core,spec", { headers, signal });
    if (!response.ok) return { failure: (await failureOf(response)).message };
    return readLoads(await response.json(), performance.now() / 1000);
  } catch {
    return { failure: "the server cannot be reached" };
  }
}
