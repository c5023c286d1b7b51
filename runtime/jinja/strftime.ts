/**
 * `datetime.now().strftime(format)` in the C locale.
 *
 * @module
 */
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  ...["January", "February", "March", "April", "May", "June", "July", "August", "September", "October"],
  ...["November", "December"],
];
const DAY_MS = 86_400_000;

type Field = (at: Date) => string | number;

/** Numbers with the width they are filled up to. */
const NUMBERS: Readonly<Record<string, readonly [field: Field, width: number, fill?: string]>> = {
  d: [(at) => at.getDate(), 2],
  e: [(at) => at.getDate(), 2, " "],
  m: [(at) => at.getMonth() + 1, 2],
  y: [(at) => at.getFullYear() % 100, 2],
  C: [(at) => Math.floor(at.getFullYear() / 100), 2],
  H: [(at) => at.getHours(), 2],
  k: [(at) => at.getHours(), 2, " "],
  I: [(at) => at.getHours() % 12 || 12, 2],
  l: [(at) => at.getHours() % 12 || 12, 2, " "],
  M: [(at) => at.getMinutes(), 2],
  S: [(at) => at.getSeconds(), 2],
  f: [(at) => at.getMilliseconds() * 1000, 6],
  j: [(at) => dayOfYear(at) + 1, 3],
  U: [(at) => Math.floor((dayOfYear(at) + 7 - at.getDay()) / 7), 2],
  W: [(at) => Math.floor((dayOfYear(at) + 7 - (at.getDay() + 6) % 7) / 7), 2],
  V: [(at) => isoWeek(at)[1], 2],
};

const TEXTS: Readonly<Record<string, Field>> = {
  Y: (at) => at.getFullYear(),
  G: (at) => isoWeek(at)[0],
  a: (at) => DAYS[at.getDay()]!.slice(0, 3),
  A: (at) => DAYS[at.getDay()]!,
  b: (at) => MONTHS[at.getMonth()]!.slice(0, 3),
  h: (at) => MONTHS[at.getMonth()]!.slice(0, 3),
  B: (at) => MONTHS[at.getMonth()]!,
  p: (at) => at.getHours() < 12 ? "AM" : "PM",
  P: (at) => at.getHours() < 12 ? "am" : "pm",
  u: (at) => at.getDay() || 7,
  w: (at) => at.getDay(),
  s: (at) => Math.floor(at.getTime() / 1000),
  // The time of now() has no zone.
  z: () => "",
  Z: () => "",
  n: () => "\n",
  t: () => "\t",
  "%": () => "%",
};

/** Directives that stand for several. */
const LONG: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
};

/** The time as `format` says; directives that are not known stay as they are. */
export function strftime(format: string, at: Date): string {
  return format.replaceAll(/%([-_0^#]?)([a-zA-Z%])/g, (match, flag: string, letter: string) => {
    const long = LONG[letter];
    if (long !== undefined) return strftime(long, at);
    const text = TEXTS[letter];
    if (text !== undefined) return flag === "^" ? String(text(at)).toUpperCase() : String(text(at));
    const number = NUMBERS[letter];
    if (number === undefined) return match;
    const [field, width, usual = "0"] = number;
    if (flag === "-") return String(field(at));
    return String(field(at)).padStart(width, flag === "_" ? " " : flag === "0" ? "0" : usual);
  });
}

function dayOfYear(at: Date): number {
  const day = Date.UTC(at.getFullYear(), at.getMonth(), at.getDate());
  return Math.round((day - Date.UTC(at.getFullYear(), 0, 1)) / DAY_MS);
}

/** Year and number of the ISO week. */
function isoWeek(at: Date): [year: number, week: number] {
  const thursday = new Date(at.getFullYear(), at.getMonth(), at.getDate() + 4 - (at.getDay() || 7));
  return [thursday.getFullYear(), Math.floor(dayOfYear(thursday) / 7) + 1];
}
