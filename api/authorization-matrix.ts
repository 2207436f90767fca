/** Who may call what, route by route (promise S2): the written side of authorization.test.ts. */
import type { Scope } from '../commands/credentials.js';
import { COLLECTION_NAMES, collectionOf } from '../domain/catalog.js';

/**
 * Callers, from left to right: nobody, an unknown token, a revoked key | users: the one it is about (the buyer), the
 * seller, another, an operator | keys: scope `operate`, every scope but the route's own, the route's own scope, admin.
 */
export const CALLERS = [
  'nobody',
  'unknown',
  'revoked',
  'self',
  'seller',
  'other',
  'operator',
  'operate',
  'without',
  'with',
  'admin',
] as const;
export type CallerName = (typeof CALLERS)[number];

/** `+`: the handler was reached, whatever it said. 404 is the answer about other people's orders. */
const EVERYBODY = '  +   +   + |   +   +   +   + |   +   +   +   +';
const BACKEND = '  401 401 401 | 403 403 403 403 | 403 403 + +';
const OPERATORS_TOO = '401 401 401 | 403 403 403   + |   + 403 + +';
/** Whoever may set an endpoint up sees every order: a key's right, and no person's. */
const OPERATING_KEYS = '401 401 401 | 403 403 403 403 | + 403 + +';
const SELF_AND_OPERATORS = '401 401 401 | + 403 403 + | + 403 + +';
const SELF_TOO = '401 401 401 | + 403 403 403 | 403 403 + +';
const PARTIES = '  401 401 401 | + + 404 + | + 403 + +';
const NOT_THE_SELLER = '401 401 401 | + 403 404 + | + 403 + +';
const BUYER_ACTS = '401 401 401 | + 403 404 403 | 403 403 + +';
const OPERATOR_DECIDES = '401 401 401 | 403 403 404 + | + 403 + +';

interface Row {
  /** Whose key is "with", and missing in "without". */
  scope: Scope;
  cells: string;
  body?: object;
}

const everybody: Row = { scope: 'orders', cells: EVERYBODY };
const reason = { reason: 'because' };

/** The same for each collection; what only actions write is put by nobody. */
function catalogRows(): Record<string, Row> {
  const rows = COLLECTION_NAMES.flatMap((name): [string, Row][] => [
    ...(collectionOf(name).readOnly === true
      ? []
      : [[`PUT /v1/catalog/${name}/:id`, { scope: 'catalog', cells: BACKEND }] as [string, Row]]),
    [`GET /v1/catalog/${name}/:id`, { scope: 'catalog', cells: OPERATORS_TOO }],
    [`GET /v1/catalog/${name}`, { scope: 'catalog', cells: OPERATORS_TOO }],
  ]);
  return Object.fromEntries(rows);
}

export const MATRIX: Record<string, Row> = {
  'GET /healthz': everybody,
  'GET /readyz': everybody,
  'GET /metrics': everybody,
  'GET /openapi.json': everybody,
  'GET /docs': everybody,
  'GET /docs/:file': everybody,
  'POST /codec/encode': { scope: 'admin', cells: OPERATORS_TOO },
  'POST /codec/decode': { scope: 'admin', cells: OPERATORS_TOO },
  'POST /webhooks/alipay': everybody,
  'POST /webhooks/wechat': everybody,
  'POST /webhooks/pingpp': everybody,
  'POST /webhooks/stripe': everybody,
  'PUT /v1/users/:id': { scope: 'users', cells: BACKEND, body: { name: 'Alice' } },
  'GET /v1/users/:id': { scope: 'users', cells: SELF_AND_OPERATORS },
  'POST /v1/users/:id/tokens': { scope: 'users', cells: BACKEND },
  'DELETE /v1/users/:id/tokens': { scope: 'users', cells: SELF_TOO },
  'POST /v1/api-keys': { scope: 'admin', cells: BACKEND, body: { name: 'another', scopes: ['orders'] } },
  'GET /v1/api-keys': { scope: 'admin', cells: BACKEND },
  'DELETE /v1/api-keys/:id': { scope: 'admin', cells: BACKEND },
  ...catalogRows(),
  'PUT /v1/action-endpoints/:type': {
    scope: 'operate',
    cells: OPERATING_KEYS,
    body: { url: 'https://shop.example.com/', secret: `whsec_${'a'.repeat(32)}` },
  },
  'GET /v1/action-endpoints/:type': { scope: 'operate', cells: OPERATING_KEYS },
  'DELETE /v1/action-endpoints/:type': {
    scope: 'operate',
    // Who comes second finds it gone.
    cells: '401 401 401 | 403 403 403 403 | + 403 404 404',
  },
  'POST /v1/bulk-retries': { scope: 'operate', cells: OPERATORS_TOO, body: { filter: { code: 'sold_out' } } },
  'GET /v1/bulk-retries/:id': { scope: 'operate', cells: OPERATORS_TOO },
  'PUT /v1/settings/:key': { scope: 'settings', cells: BACKEND },
  'GET /v1/settings/:key': { scope: 'settings', cells: OPERATORS_TOO },
  'GET /v1/settings': { scope: 'settings', cells: OPERATORS_TOO },
  'GET /v1/users/:id/entitlements': { scope: 'orders', cells: SELF_AND_OPERATORS },
  'GET /v1/users/:id/deposits': { scope: 'orders', cells: SELF_AND_OPERATORS },
  'GET /v1/users/:id/membership-renewals': { scope: 'orders', cells: SELF_AND_OPERATORS },
  'POST /v1/users/:id/membership-renewals/:renewalId/cancel': { scope: 'orders', cells: SELF_AND_OPERATORS },
  'POST /v1/deposits/:id/return': { scope: 'orders', cells: OPERATORS_TOO },
  'GET /v1/sms': { scope: 'orders', cells: OPERATORS_TOO },
  'GET /v1/wallets/:userId': { scope: 'ledger:read', cells: SELF_AND_OPERATORS },
  'GET /v1/wallets/:userId/entries': { scope: 'ledger:read', cells: SELF_AND_OPERATORS },
  'GET /v1/ledger/proof': { scope: 'ledger:read', cells: OPERATORS_TOO },
  'GET /v1/operator-items': { scope: 'operate', cells: OPERATORS_TOO },
  'POST /v1/operator-items/:id/resolve': {
    scope: 'operate',
    cells: OPERATORS_TOO,
    body: { resolution: 'settled_by_hand', ...reason },
  },
  'POST /v1/webhook-endpoints': {
    scope: 'operate',
    cells: OPERATING_KEYS,
    body: { url: 'https://shop.example.com/' },
  },
  'GET /v1/webhook-endpoints': { scope: 'operate', cells: OPERATING_KEYS },
  'GET /v1/webhook-endpoints/:id': { scope: 'operate', cells: OPERATING_KEYS },
  'PATCH /v1/webhook-endpoints/:id': { scope: 'operate', cells: OPERATING_KEYS, body: { description: 'x' } },
  'POST /v1/webhook-endpoints/:id/rotate-secret': { scope: 'operate', cells: OPERATING_KEYS },
  'POST /v1/webhook-endpoints/:id/test': { scope: 'operate', cells: OPERATING_KEYS },
  'GET /v1/webhook-deliveries': { scope: 'operate', cells: OPERATORS_TOO },
  'GET /v1/webhook-deliveries/:id': { scope: 'operate', cells: OPERATORS_TOO },
  'POST /v1/webhook-deliveries/:id/redeliver': { scope: 'operate', cells: OPERATORS_TOO },
  'DELETE /v1/webhook-endpoints/:id': {
    scope: 'operate',
    // Who comes second finds it gone.
    cells: '401 401 401 | 403 403 403 403 | + 403 404 404',
  },
  'POST /v1/orders/:id/refunds': { scope: 'orders', cells: BUYER_ACTS, body: reason },
  'GET /v1/refunds': { scope: 'refunds:decide', cells: OPERATORS_TOO },
  'GET /v1/refunds/:id': { scope: 'orders', cells: '401 401 401 | + + 404 + | + + + +' },
  'POST /v1/refunds/:id/approve': { scope: 'refunds:decide', cells: OPERATORS_TOO, body: reason },
  'POST /v1/refunds/:id/reject': { scope: 'refunds:decide', cells: OPERATORS_TOO, body: reason },
  'PUT /v1/users/:id/payout-account': {
    scope: 'users',
    cells: SELF_TOO,
    body: { channel: 'alipay', no: 'alice@example.com', name: 'Alice' },
  },
  'POST /v1/withdrawals': {
    scope: 'orders',
    cells: SELF_TOO,
    body: { userId: 'alice', amount: 100, payPassword: '246810' },
  },
  // Who decides about withdrawals may read them too, and so may a key that has every other scope.
  'GET /v1/withdrawals': { scope: 'orders', cells: '401 401 401 | + + + + | + + + +' },
  'GET /v1/withdrawals/:id': { scope: 'orders', cells: '401 401 401 | + 404 404 + | + + + +' },
  'POST /v1/withdrawals/:id/approve': { scope: 'withdrawals:decide', cells: OPERATORS_TOO, body: reason },
  'POST /v1/withdrawals/:id/reject': { scope: 'withdrawals:decide', cells: OPERATORS_TOO, body: reason },
  'POST /v1/reconciliations': {
    scope: 'operate',
    cells: OPERATORS_TOO,
    body: { channel: 'alipay', date: '2026-11-23' },
  },
  'GET /v1/reconciliations': { scope: 'ledger:read', cells: OPERATORS_TOO },
  'GET /v1/reconciliations/:id': { scope: 'ledger:read', cells: OPERATORS_TOO },
  'GET /v1/reconciliations/:id/differences': { scope: 'ledger:read', cells: OPERATORS_TOO },
  'POST /v1/orders': {
    scope: 'orders',
    cells: SELF_TOO,
    body: { kind: 'deal', buyerId: 'alice', sellerId: 'sally', amount: 100, subject: 'a lesson' },
  },
  'GET /v1/orders': { scope: 'orders', cells: '401 401 401 | + + + + | + 403 + +' },
  'GET /v1/orders/:id': { scope: 'orders', cells: PARTIES },
  'GET /v1/orders/:id/timeline': { scope: 'orders', cells: PARTIES },
  'GET /v1/orders/:id/events': { scope: 'orders', cells: PARTIES },
  'GET /v1/orders/:id/actions': { scope: 'orders', cells: NOT_THE_SELLER },
  'GET /v1/payments/:id': { scope: 'orders', cells: NOT_THE_SELLER },
  'POST /v1/orders/:id/confirm': { scope: 'orders', cells: BUYER_ACTS },
  'POST /v1/orders/:id/cancel': { scope: 'orders', cells: BUYER_ACTS },
  'POST /v1/orders/:id/payments': { scope: 'orders', cells: BUYER_ACTS, body: { channel: 'alipay' } },
  'POST /v1/orders/:id/close-chat': { scope: 'orders', cells: '401 401 401 | + + 404 403 | 403 403 + +' },
  'POST /v1/orders/:id/actions/:path/retry': { scope: 'operate', cells: OPERATOR_DECIDES },
  'POST /v1/orders/:id/actions/:path/skip': { scope: 'operate', cells: OPERATOR_DECIDES, body: reason },
  'POST /v1/orders/:id/actions/:path/edit': {
    scope: 'operate',
    cells: OPERATOR_DECIDES,
    body: { parameters: { id: '77' }, ...reason },
  },
};
