const YUAN = /^(\d{1,10})(?:\.(\d{1,2}))?$/;

/**
 * Reads yuan as Alipay writes it ("1", "0.5", "12.34") into integer fen, digit by digit and never through a
 * float, because 0.29 * 100 is not 29.
 * @returns null when the text is not an amount.
 */
export function fenFromYuan(text: string): number | null {
  const match = YUAN.exec(text);
  if (!match) return null;
  const [, whole = '', cents = ''] = match;
  return Number(whole) * 100 + Number(cents.padEnd(2, '0'));
}

/** Writes integer fen as yuan with two decimals: 5 is "0.05". */
export function yuanFromFen(fen: number): string {
  return `${Math.trunc(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;
}
