import { z } from 'zod';
import { mintAccessToken, revokeAccessTokens } from '../../commands/credentials.js';
import { PASSWORD_HASH, PASSWORD_LENGTH, isPasswordHash } from '../../commands/passwords.js';
import { USER_ROLES, type User, getUser, putUser } from '../../commands/people.js';
import { anyOf, backend, operator, userSelf } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { moment, userId } from './schemas.js';

const text = (max: number) => z.string().max(max);
const list = z.array(z.unknown()).max(200);
const password = z
  .string()
  .min(PASSWORD_LENGTH.min)
  .max(PASSWORD_LENGTH.max)
  .meta({ writeOnly: true, example: 'correct-horse' });
const passwordHash = z
  .string()
  .max(300)
  .regex(PASSWORD_HASH, 'must be a bcrypt or argon2 hash')
  .refine(isPasswordHash, 'must be a bcrypt hash of at most 14 rounds, or an argon2 hash of at most 256 MiB')
  .meta({ writeOnly: true, description: 'bcrypt or argon2; becomes argon2id at the first right password.' });

const userInput = z
  .object({
    name: text(128).min(1),
    role: z.enum(USER_ROLES).optional(),
    avatar: text(2048).nullish(),
    skills: list.optional(),
    careers: list.optional(),
    mobile: z
      .string()
      .regex(/^\+?\d{5,20}$/, 'must have 5 to 20 digits')
      .nullish(),
    openid: text(128).min(1).nullish(),
    profile: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'Anything the merchant keeps of a user.' }),
    loginPassword: password.optional(),
    payPassword: password.optional(),
    loginPasswordHash: passwordHash.optional(),
    payPasswordHash: passwordHash.optional(),
  })
  .refine((given) => given.loginPassword === undefined || given.loginPasswordHash === undefined, {
    path: ['loginPasswordHash'],
    error: 'cannot be given beside loginPassword',
  })
  .refine((given) => given.payPassword === undefined || given.payPasswordHash === undefined, {
    path: ['payPasswordHash'],
    error: 'cannot be given beside payPassword',
  });

const user = z
  .object({
    id: userId,
    name: z.string(),
    role: z.enum(USER_ROLES),
    avatar: z.string().nullable(),
    skills: z.array(z.unknown()),
    careers: z.array(z.unknown()),
    mobile: z.string().nullable(),
    openid: z.string().nullable(),
    profile: z.record(z.string(), z.unknown()),
    hasLoginPassword: z.boolean(),
    hasPayPassword: z.boolean(),
    createdAt: moment,
    updatedAt: moment,
  })
  .meta({ id: 'User' });

function toUser(found: User): z.input<typeof user> {
  return { ...found, createdAt: found.createdAt.toISOString(), updatedAt: found.updatedAt.toISOString() };
}

const params = z.object({ id: userId });

export const userEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'put',
    path: '/v1/users/:id',
    access: backend('users'),
    tag: 'users',
    summary: 'Create or update a user',
    description:
      'The id is yours to choose. Fields that are left out stay as they are; null empties one. Making somebody an operator takes scope `operate` too, and revokes the tokens they had.',
    params,
    body: userInput,
    bodyExample: { name: 'Li Lei', role: 'member', mobile: '13500000000', payPassword: '246810' },
    responses: { 200: { description: 'The user as it is now.', schema: user } },
    handler: async ({ services, caller }, input) => ({
      status: 200,
      body: toUser(await putUser(services.db, input.params.id, input.body, caller)),
    }),
  }),
  endpoint({
    method: 'get',
    path: '/v1/users/:id',
    access: anyOf(backend('users'), userSelf('id'), operator),
    tag: 'users',
    summary: 'Read a user',
    params,
    responses: { 200: { description: 'The user, without passwords.', schema: user } },
    errors: ['user_not_found'],
    handler: async ({ services }, input) => ({
      status: 200,
      body: toUser(await getUser(services.db, input.params.id)),
    }),
  }),
  endpoint({
    method: 'post',
    path: '/v1/users/:id/tokens',
    access: backend('users'),
    tag: 'users',
    summary: 'Mint an access token',
    description: 'Good for 30 days and shown this once. A token of an operator takes scope `operate` too.',
    params,
    responses: {
      201: {
        description: 'The token.',
        schema: z.object({ accessToken: z.string(), expiresAt: moment }).meta({ id: 'AccessToken' }),
      },
    },
    errors: ['user_not_found'],
    secretAnswer: true,
    handler: async ({ services, caller }, input) => {
      const { accessToken, expiresAt } = await mintAccessToken(services.db, input.params.id, caller);
      return { status: 201, body: { accessToken, expiresAt: expiresAt.toISOString() } };
    },
  }),
  endpoint({
    method: 'delete',
    path: '/v1/users/:id/tokens',
    access: anyOf(backend('users'), userSelf('id')),
    tag: 'users',
    summary: 'Revoke all access tokens of a user',
    params,
    responses: { 204: { description: 'No token of this user is good any more.' } },
    handler: async ({ services }, input) => {
      await revokeAccessTokens(services.db, input.params.id);
      return { status: 204 };
    },
  }),
];
