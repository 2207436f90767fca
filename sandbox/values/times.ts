const CST_OFFSET_MS = 8 * 3_600_000;
const CST_TEXT = /^(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2})(?::(\d{2}))?$/;

// Both providers speak UTC+8 whatever the host's zone, and China keeps no summer time, so a fixed shift is exact.
function shifted(at: number): string {
  return new Date(at + CST_OFFSET_MS).toISOString();
}

/** Epoch ms to Alipay's `yyyy-MM-dd HH:mm:ss`, UTC+8. */
export function toCst(at: number): string {
  return shifted(at).slice(0, 19).replace('T', ' ');
}

/** Epoch ms to `yyyyMMdd`, UTC+8, as it stands inside provider numbers. */
export function toCstDay(at: number): string {
  return shifted(at).slice(0, 10).replaceAll('-', '');
}

/** Alipay's `yyyy-MM-dd HH:mm[:ss]` in UTC+8 to epoch ms; null when it is not a real time. */
export function fromCst(text: string): number | null {
  const match = CST_TEXT.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second = '00'] = match;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}+08:00`);
  // Date.parse turns 31 February into 3 March; a provider refuses it.
  return Number.isNaN(at) || !toCst(at).startsWith(text) ? null : at;
}

/** The last millisecond of the UTC+8 day that holds `at`. */
export function endOfCstDay(at: number): number {
  const day = 86_400_000;
  return (Math.floor((at + CST_OFFSET_MS) / day) + 1) * day - CST_OFFSET_MS - 1;
}

/** Epoch ms to WeChat's RFC 3339 form, `2026-11-24T20:00:00+08:00`. */
export function toRfc3339(at: number): string {
  return `${shifted(at).slice(0, 19)}+08:00`;
}
