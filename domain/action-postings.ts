/** The posting rules of actions (system.md, section 3): what they charge, and deposits. */
import type { Fen } from './money.js';
import { type Posting, account, move } from './postings.js';

/** A charging action spends from the payer's balance what the server says the thing costs. */
export function chargePosting(key: string, payerId: string, amountFen: Fen, orderNo: string): Posting {
  return {
    key,
    kind: 'charge',
    orderNo,
    legs: move(account.spendable(payerId), account.sales, amountFen),
  };
}

export interface RenewedTerm {
  renewalId: string;
  /** From 1 up: each term is paid for once. */
  term: number;
  payerId: string;
  amountFen: Fen;
  orderNo: string;
}

/** The next term of a membership, from the payer's balance as its first one. */
export function renewalPosting({ renewalId, term, payerId, amountFen, orderNo }: RenewedTerm): Posting {
  return {
    key: `membership/${renewalId}:${term}`,
    kind: 'renewal',
    orderNo,
    legs: move(account.spendable(payerId), account.sales, amountFen),
  };
}

/** A deposit leaves what its payer can spend, and stays the payer's. */
export function depositPosting(key: string, payerId: string, amountFen: Fen, orderNo: string): Posting {
  return {
    key,
    kind: 'deposit',
    orderNo,
    legs: move(account.spendable(payerId), account.deposit(payerId), amountFen),
  };
}

export interface ReturnedDeposit {
  id: string;
  orderNo: string;
  payerId: string;
  /** What each bucket had given. */
  parts: { cash: number; withdrawable: number };
}

/** A deposit goes back to the buckets that paid it. */
export function depositReturnPosting({ id, orderNo, payerId, parts }: ReturnedDeposit): Posting {
  const back = [
    { account: account.cash(payerId), amount: parts.cash },
    { account: account.withdrawable(payerId), amount: parts.withdrawable },
  ].filter(({ amount }) => amount > 0);
  return {
    key: `deposit/${id}:return`,
    kind: 'deposit_returned',
    orderNo,
    legs: [{ account: account.deposit(payerId), amount: 0 - parts.cash - parts.withdrawable }, ...back],
  };
}
