import type { Db } from '../db/client.js';
import { HoldfastError } from '../domain/errors.js';
import type { Fen } from '../domain/money.js';
import { type Wallet, walletOf } from '../ledger/balances.js';

/**
 * Says how much was missing, for who can bring the difference; any other error stays as it is.
 * @param price what it would have cost
 * @param from what it would have been taken from
 * @returns what is to be thrown; `insufficient_funds` with `details.missing` in fen
 */
export async function withShortage(
  db: Db,
  userId: string,
  error: unknown,
  price: () => Promise<Fen> | Fen,
  from: (wallet: Wallet) => number,
): Promise<unknown> {
  if (!(error instanceof HoldfastError) || error.code !== 'insufficient_funds') return error;
  // Money may have come in since.
  const missing = Math.max(1, (await price()) - from(await walletOf(db, userId)));
  return new HoldfastError('insufficient_funds', {
    message: `${missing} fen are missing`,
    details: { missing },
    cause: error,
  });
}
