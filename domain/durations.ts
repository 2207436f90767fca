/** Durations as callers and operators write them: `3s`, `15m`, `24h`, `7d`, or ISO 8601 such as `PT15M` and `P1D`. */

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SHORT = /^(\d{1,9})(ms|s|m|h|d)$/;
// Weeks, days, hours, minutes, seconds; months and years have no fixed length and are refused.
const ISO =
  /^P(?=.)(?:(?<weeks>\d{1,4})W)?(?:(?<days>\d{1,5})D)?(?:T(?=\d)(?:(?<hours>\d{1,6})H)?(?:(?<minutes>\d{1,8})M)?(?:(?<seconds>\d{1,9})S)?)?$/;

export const MAX_DURATION_MS = 366 * UNIT_MS.d;

/** @returns the span in ms, or undefined when the text is no duration or is longer than a year */
export function parseDuration(text: string): number | undefined {
  const spanMs = shortSpan(text) ?? isoSpan(text);
  return spanMs !== undefined && spanMs <= MAX_DURATION_MS ? spanMs : undefined;
}

function shortSpan(text: string): number | undefined {
  const [, count, unit] = SHORT.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

function isoSpan(text: string): number | undefined {
  const parts = ISO.exec(text)?.groups;
  if (parts === undefined) return undefined;
  const { weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0 } = parts;
  return (
    (Number(weeks) * 7 + Number(days)) * UNIT_MS.d +
    Number(hours) * UNIT_MS.h +
    Number(minutes) * UNIT_MS.m +
    Number(seconds) * UNIT_MS.s
  );
}
