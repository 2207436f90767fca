/** What a shop's bill costs after the shop's own rules (wire.md, section 6b, type 4). */
import { type Fen, fen } from './money.js';

export interface DiscountRule {
  /** Fen; a bill below it is not discounted by this rule. */
  minAmount: number;
  /** Off the whole bill, in percent; what it saves is floored to the fen. */
  percentOff?: number | undefined;
  /** Fen. */
  amountOff?: number | undefined;
}

function savedBy({ minAmount, percentOff = 0, amountOff = 0 }: DiscountRule, bill: Fen): number {
  if (bill < minAmount) return 0;
  return Math.max(Math.floor((bill * percentOff) / 100), amountOff);
}

/** The rule that saves most wins; nobody is paid for buying. */
export function priceOfBill(bill: Fen, rules: readonly DiscountRule[]): Fen {
  const saved = Math.max(0, ...rules.map((rule) => savedBy(rule, bill)));
  return fen(Math.max(0, bill - saved));
}
