import { z } from 'zod';
import { actorOf } from '../../commands/credentials.js';
import { putPayoutAccount } from '../../commands/withdrawals.js';
import { PROVIDER_CHANNELS } from '../../domain/order.js';
import { anyOf, backend, userSelf } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { moment, userId } from './schemas.js';

export const payoutAccount = z
  .object({
    channel: z.enum(PROVIDER_CHANNELS),
    no: z
      .string()
      .regex(/^[!-~]{1,128}$/, '1 to 128 visible ASCII characters')
      .meta({
        description: 'Whom the provider pays: a login or user id at Alipay, an openid at WeChat Pay.',
        example: 'hanmeimei@example.com',
      }),
    name: z
      .string()
      .min(1)
      .max(64)
      .regex(/\S/, 'must have more than blanks')
      .meta({ description: 'The name of its owner, which providers compare.', example: '韩梅梅' }),
  })
  .meta({ id: 'PayoutAccount' });

export const payoutAccountEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'put',
    path: '/v1/users/:id/payout-account',
    access: anyOf(backend('users'), userSelf('id')),
    tag: 'withdrawals',
    summary: 'Store where withdrawals go',
    description:
      'Used by withdrawals that name no account. Every withdrawal needs the pay password all the same.',
    params: z.object({ id: userId }),
    body: payoutAccount,
    bodyExample: { channel: 'alipay', no: 'hanmeimei@example.com', name: '韩梅梅' },
    responses: {
      200: {
        description: 'The account as it is now.',
        schema: payoutAccount.extend({ updatedAt: moment }).meta({ id: 'StoredPayoutAccount' }),
      },
    },
    errors: ['user_not_found'],
    handler: async ({ services, caller }, { params, body }) => {
      const stored = await putPayoutAccount(services.db, params.id, body, actorOf(caller));
      const { channel, no, name, updatedAt } = stored;
      return { status: 200, body: { channel, no, name, updatedAt: updatedAt.toISOString() } };
    },
  }),
];
