/**
 * A race as the state of a component.
 *
 * @module
 */
import { useEffect, useRef, useState } from "../ui/html.ts";
import { type Race, type RaceQuestion, READY, runRace } from "./run_race.ts";

/** Milliseconds between two drawings while a race runs: drawing takes time that the server could use. */
const DRAW_EVERY_MS = 100;

/** The race of a component. */
export interface RaceState {
  /** The last race. */
  readonly race: Race;
  readonly isRunning: boolean;
  /** `performance.now()` of this drawing. */
  readonly now: number;
  /** Runs a race and resolves with it once it is over. */
  start(question: RaceQuestion): Promise<Race>;
  stop(): void;
}

/** Draws races at a steady pace, however fast their tokens come. A race ends with its component. */
export function useRace(): RaceState {
  const [drawn, draw] = useState({ race: READY, now: 0 });
  const latest = useRef(READY), controller = useRef(new AbortController());
  const isRunning = drawn.race.phase === "reading" || drawn.race.phase === "running";
  const redraw = () => draw({ race: latest.current, now: performance.now() });
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(redraw, DRAW_EVERY_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  useEffect(() => () => controller.current.abort(), []);
  return {
    ...drawn,
    isRunning,
    async start(question) {
      controller.current = new AbortController();
      const over = runRace(question, (race) => latest.current = race, controller.current.signal);
      redraw();
      await over;
      redraw();
      return latest.current;
    },
    stop: () => controller.current.abort(),
  };
}
