/**
 * Both providers speak in China time, which is UTC+8 all year. The process may run in any time zone, so
 * nothing here reads the local one.
 */

const OFFSET_MS = 8 * 60 * 60_000;
const ALIPAY_TIME = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/;

/** `2026-11-24 20:00:00` in UTC+8, as Alipay writes times. Parts of a second are dropped, so an expiry is never late. */
export function toChinaTime(at: Date): string {
  return new Date(at.getTime() + OFFSET_MS).toISOString().slice(0, 19).replace('T', ' ');
}

/** `2026-11-24T20:00:00+08:00`, as WeChat Pay writes times. Parts of a second are dropped, so an expiry is never late. */
export function toChinaRfc3339(at: Date): string {
  return `${toChinaTime(at).replace(' ', 'T')}+08:00`;
}

/** Reads `2026-11-24 20:00:00` of UTC+8; undefined when it is no such time, such as the 30th of February. */
export function fromChinaTime(text: string): Date | undefined {
  if (!ALIPAY_TIME.test(text)) return undefined;
  const at = new Date(`${text.replace(' ', 'T')}+08:00`);
  // JavaScript rolls some impossible dates over to the next month; a time that reads back differently never was.
  return Number.isNaN(at.getTime()) || toChinaTime(at) !== text ? undefined : at;
}
