import { z } from 'zod';
import { proveLedger, walletEntries, walletOf } from '../../ledger/balances.js';
import { anyOf, backend, operator, userSelf } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fenAmount, fromCursor, moment, numberCursor, pageOf, pageQuery, toPage, userId } from './schemas.js';

const params = z.object({ userId });
const readers = anyOf(backend('ledger:read'), userSelf('userId'), operator);

const wallet = z
  .object({
    cash: fenAmount.meta({ description: 'Topped up: can be spent, cannot be withdrawn. Fen.' }),
    withdrawable: fenAmount.meta({ description: 'Earned and released: can be spent and withdrawn. Fen.' }),
    held: fenAmount.meta({ description: "Paid by buyers, not yet this user's. Fen." }),
    frozen: fenAmount.meta({ description: 'In a withdrawal that is under way. Fen.' }),
  })
  .meta({ id: 'Wallet' });

const entry = z
  .object({
    id: z.number().int(),
    bucket: z.string().meta({ example: 'cash' }),
    amount: fenAmount.meta({ description: 'Fen; positive is money in.' }),
    currency: z.string(),
    kind: z.string().meta({ description: 'What was posted.' }),
    orderNo: z.string().nullable(),
    createdAt: moment,
  })
  .meta({ id: 'WalletEntry' });

const proof = z
  .object({
    balanced: z.boolean(),
    totalDebit: fenAmount,
    totalCredit: fenAmount,
    accounts: z.array(z.object({ account: z.string(), balance: fenAmount, entries: z.number().int() })),
    faults: z.object({
      unbalancedPostings: z.number().int(),
      wrongBalances: z.number().int(),
      negativeBalances: z.number().int(),
    }),
    checkedAt: moment,
  })
  .meta({ id: 'LedgerProof' });

export const walletEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/v1/wallets/:userId',
    access: readers,
    tag: 'wallets',
    summary: "Read a user's balances",
    description: 'Zeros for a user who never had money.',
    params,
    responses: { 200: { description: 'The balances, in fen.', schema: wallet } },
    handler: async ({ services }, input) => ({
      status: 200,
      body: await walletOf(services.db, input.params.userId),
    }),
  }),
  endpoint({
    method: 'get',
    path: '/v1/wallets/:userId/entries',
    access: readers,
    tag: 'wallets',
    summary: "List a user's ledger entries, newest first",
    params,
    query: pageQuery,
    responses: { 200: { description: 'A page of entries.', schema: pageOf(entry) } },
    handler: async ({ services }, { params: { userId: owner }, query }) => {
      const beforeId = fromCursor(numberCursor, query.cursor);
      const rows = await walletEntries(services.db, owner, { limit: query.limit + 1, beforeId });
      return {
        status: 200,
        body: toPage(
          rows,
          query.limit,
          (row) => row.id,
          (row) => ({ ...row, createdAt: row.createdAt.toISOString() }),
        ),
      };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/ledger/proof',
    access: anyOf(backend('ledger:read'), operator),
    tag: 'wallets',
    summary: 'Prove the ledger',
    description: 'Recomputed from the entries at every call; on a large ledger this takes a while.',
    responses: { 200: { description: 'The proof; sums in fen.', schema: proof } },
    handler: async ({ services }) => {
      const { checkedAt, ...found } = await proveLedger(services.db);
      return { status: 200, body: { ...found, checkedAt: checkedAt.toISOString() } };
    },
  }),
];
