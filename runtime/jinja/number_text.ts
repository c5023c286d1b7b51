/**
 * Numbers in decimal places, rounded as C and Python round: exact ties to even.
 *
 * @module
 */

/** `value` with `places` digits behind the point, like C's `%.*f`. */
export function toFixed(value: number, places: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (Math.abs(value) >= 1e21) {
    return String(BigInt(value)) + (places > 0 ? `.${"0".repeat(places)}` : "");
  }
  if (places > 100) return value.toFixed(100) + "0".repeat(places - 100);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  const digits = size.toFixed(Math.min(100, places + 40));
  const point = digits.indexOf(".");
  const rest = point < 0 ? "" : digits.slice(point + 1 + places);
  // JavaScript rounds an exact tie up.
  const isTie = /^50*$/.test(rest);
  if (!isTie) return sign + size.toFixed(places);
  const kept = places === 0 ? digits.slice(0, point) : digits.slice(0, point + 1 + places);
  const isEven = Number(kept.at(-1)) % 2 === 0;
  return sign + (isEven ? kept : size.toFixed(places));
}

/** `value` in scientific notation with `places` digits, like C's `%.*e`. */
export function toExponential(value: number, places: number): string {
  if (!Number.isFinite(value)) return toFixed(value, 0);
  const sign = Object.is(value, -0) ? "-" : "";
  const [digits, exponent] = value.toExponential(Math.min(100, places)).split("e") as [string, string];
  const size = exponent.slice(1).padStart(2, "0");
  return `${sign}${digits}e${exponent[0]}${size}`;
}

/** `value` with `precision` significant digits, like C's `%.*g`; `keepsZeros` is its flag `#`. */
export function toGeneral(value: number, precision: number, keepsZeros: boolean): string {
  if (!Number.isFinite(value)) return toFixed(value, 0);
  const significant = precision === 0 ? 1 : precision;
  const exponent = Number(toExponential(value, significant - 1).split("e")[1]);
  const isScientific = exponent < -4 || exponent >= significant;
  const text = isScientific
    ? toExponential(value, significant - 1)
    : toFixed(value, Math.max(0, significant - 1 - exponent));
  if (keepsZeros) return text;
  const [digits, power] = text.split("e") as [string, string?];
  const short = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  return power === undefined ? short : `${short}e${power}`;
}

/** `round(value, places)`. */
export function roundFloat(value: number, places: number): number {
  if (!Number.isFinite(value)) return value;
  if (places >= 0) return places > 300 ? value : Number(toFixed(value, places));
  const unit = 10 ** -places;
  return Number(toFixed(value / unit, 0)) * unit;
}

/** `round(value, places)` of a whole number. */
export function roundInteger(value: bigint, places: number): bigint {
  if (places >= 0) return value;
  const unit = 10n ** BigInt(-places);
  const rest = ((value % unit) + unit) % unit;
  const low = value - rest;
  const twice = 2n * rest;
  const isUp = twice > unit || twice === unit && (low / unit) % 2n !== 0n;
  return isUp ? low + unit : low;
}
