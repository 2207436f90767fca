import { isUtf8 } from 'node:buffer';

/**
 * Cuts between code points, so that no emoji or rare character is halved. A provider's limit is read as UTF-16
 * units: none says what it counts, and a text that is short by the longer count is short by both.
 */
export function cutText(text: string, longest: number): string {
  let cut = '';
  for (const character of text) {
    if (cut.length + character.length > longest) break;
    cut += character;
  }
  return cut;
}

/** Alipay forbids `/`, `=` and `&` in a subject (its signed texts are joined by them); their wide forms read the same. */
export function withoutReserved(text: string): string {
  return text.replaceAll('/', '／').replaceAll('=', '＝').replaceAll('&', '＆');
}

/** Keeps the entries whose value is a text with something in it: facts for people have no holes. */
export function presentOnly(facts: Record<string, string | undefined>): Record<string, string> {
  const present: Record<string, string> = {};
  for (const [name, value] of Object.entries(facts)) {
    if (value !== undefined && value !== '') present[name] = value;
  }
  return present;
}

/** Exact or undefined: what decodes with replacements is not the text that was signed. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}
