/**
 * Time that passes, in whole seconds.
 *
 * @module
 */
import { useEffect, useState } from "./html.ts";

/** Seconds until a time by `performance.now()`, rounded up, now and as they pass; 0 from then on. */
export function useSecondsUntil(until: number): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => {
      const now = performance.now();
      setNow(now);
      if (now >= until) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [until]);
  return Math.max(0, Math.ceil((until - now) / 1000));
}
