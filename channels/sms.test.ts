/** The adapters of SMS providers, with their own libraries, against the sandbox and against answers of any kind. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../config.js';
import { type Providers, startProviders } from '../test/support/providers.js';
import { refusalOf } from '../test/support/errors.js';
import { type SmsMessage, type SmsProviderName, createSmsProviders, smsProviderNamed } from './sms.js';
import { withCountry } from './sms-parts.js';
import { type LoopbackAnswer, failureOf, startLoopback } from './test-support.js';

let providers: Providers;
let made = 0;

// The libraries take their time to load.
beforeAll(async () => {
  providers = await startProviders();
  for (const name of NAMES) await provider(name).query(message(), new Date());
}, 60_000);
afterAll(() => providers.close());
afterEach(() => providers.control('DELETE', '/faults'));

const NAMES = ['aliyun', 'tencent'] as const;
const provider = (name: SmsProviderName) => smsProviderNamed(providers.sms, name);

function message(changes: Partial<SmsMessage> = {}): SmsMessage {
  made += 1;
  return {
    key: `order${made}:0.0`,
    mobile: '13500000000',
    sign: '签名 & Sign',
    template: 'SMS_1',
    params: { product: '茶 100%', code: '042' },
    paramNames: ['code', 'product'],
    ...changes,
  };
}

const fault = (channel: string, what: object) => providers.control('POST', '/faults', { channel, ...what });
const taken = async (reference: string): Promise<object[]> => {
  const { data } = (await providers.control('GET', '/sms')) as { data: { reference: string }[] };
  return data.filter((sms) => sms.reference === reference);
};

describe.each(NAMES)('%s', (name) => {
  it('takes a message, with its values by name or by position, and finds it again', async () => {
    const wish = message();
    const posted = await provider(name).send(wish);
    expect(posted).toEqual({ state: 'sent', providerMessageId: expect.stringMatching(/^\d/) });
    const params = name === 'aliyun' ? wish.params : ['042', '茶 100%'];
    expect(await taken(wish.key)).toMatchObject([{ mobile: '13500000000', sign: '签名 & Sign', params }]);
    expect(await provider(name).query(wish, new Date())).toMatchObject({ state: 'sent' });
  });

  it.each(['+8613500000000', '008613500000000', '8613500000000', '+85261234567'])(
    'reaches and finds %s',
    async (mobile) => {
      const wish = message({ mobile });
      expect(await provider(name).send(wish)).toMatchObject({ state: 'sent' });
      expect(await provider(name).query(wish, new Date())).toMatchObject({ state: 'sent' });
    },
  );

  it('sends a template without values', async () => {
    const wish = message({ params: {}, paramNames: [] });
    expect(await provider(name).send(wish)).toMatchObject({ state: 'sent' });
  });

  it('does not take another message of the same phone for this one', async () => {
    await provider(name).send(message());
    expect(await provider(name).query(message(), new Date())).toEqual({ state: 'unknown' });
  });

  it('says when a message was lost on its way', async () => {
    const wish = message({ mobile: '19900000007' });
    await provider(name).send(wish);
    expect(await provider(name).query(wish, new Date())).toMatchObject({ state: 'failed' });
  });

  it.each([
    ['19900000001', 'refused'],
    ['19900000002', 'later'],
    ['19900000003', 'refused'],
    ['19900000004', 'refused'],
    ['19900000005', 'refused'],
  ])('%s is %s, with the code of the provider and without the number', async (mobile, state) => {
    const posted = await provider(name).send(message({ mobile }));
    expect(posted).toEqual({ state, code: expect.stringMatching(/^\w+\.\w+/), message: expect.any(String) });
    expect(JSON.stringify(posted)).not.toContain(mobile);
  });

  it('is not taken while the provider is busy', async () => {
    await fault(name, { errorRate: 1, times: 1 });
    const wish = message();
    expect(await provider(name).send(wish)).toMatchObject({ state: 'later', code: 'ServiceUnavailable' });
    expect(await taken(wish.key)).toEqual([]);
  });

  it('is unknown when no answer comes, and is found', async () => {
    await fault(name, { requestTimeout: true });
    const wish = message();
    const error = await failureOf(() => provider(name).send(wish));
    expect(error).toMatchObject({ code: 'channel_unknown_outcome', details: { operation: 'SendSms' } });
    expect(String(error.cause)).not.toMatch(/13500000000|SMS_1|042/);
    expect(await provider(name).query(wish, new Date())).toMatchObject({ state: 'sent' });
  });

  it('is unknown when the question is not answered', async () => {
    await fault(name, { requestTimeout: true, operation: 'query' });
    const refusal = await refusalOf(provider(name).query(message(), new Date()));
    expect(refusal.code).toBe('channel_unknown_outcome');
  });

  it('is not sent where nobody listens', async () => {
    const nobody = createSmsProviders(at('http://127.0.0.1:9'));
    expect(await smsProviderNamed(nobody, name).send(message())).toMatchObject({
      state: 'later',
      code: 'ECONNREFUSED',
    });
  });
});

function at(endpoint: string) {
  const common = { endpoint, timeoutMs: 1_000, showsWithinMs: 0 };
  return {
    aliyun: { accessKeyId: 'LTAI1', accessKeySecret: 's', ...common },
    tencent: { secretId: 'AKID1', secretKey: 's', appId: '1400000000', region: 'ap-guangzhou', ...common },
  };
}

describe('answers', () => {
  const aliyun = (body: object, status = 200): LoopbackAnswer => ({ status, body: JSON.stringify(body) });
  const tencent = (response: object): LoopbackAnswer => ({ body: JSON.stringify({ Response: response }) });
  const number = (Code: string, SerialNo = '') =>
    tencent({ SendStatusSet: [{ Code, Message: 'm', SerialNo }] });
  const error = (Code: string) => tencent({ Error: { Code, Message: 'm' } });

  it.each<[SmsProviderName, LoopbackAnswer, object | string]>([
    ['aliyun', aliyun({ Code: 'OK', BizId: '1^0' }), { state: 'sent', providerMessageId: '1^0' }],
    ['aliyun', aliyun({ Code: 'OK' }), 'channel_unknown_outcome'],
    ['aliyun', aliyun({}), 'channel_unknown_outcome'],
    ['aliyun', { body: 'no json' }, 'channel_unknown_outcome'],
    ['aliyun', aliyun({ Code: 'isp.SYSTEM_ERROR' }), 'channel_unknown_outcome'],
    ['aliyun', aliyun({ Code: 'isp.RAM_PERMISSION_DENY' }), { state: 'refused' }],
    ['aliyun', aliyun({ Code: 'isv.OUT_OF_SERVICE' }), { state: 'refused', code: 'isv.OUT_OF_SERVICE' }],
    [
      'aliyun',
      aliyun({ Code: 'SignatureDoesNotMatch' }, 403),
      { state: 'refused', code: 'SignatureDoesNotMatch' },
    ],
    ['aliyun', aliyun({ Code: 'Throttling.User' }, 400), { state: 'later', code: 'Throttling.User' }],
    ['aliyun', aliyun({ Code: 'ServiceUnavailable' }, 503), { state: 'later' }],
    ['aliyun', aliyun({ Code: 'InternalError' }, 500), 'channel_unknown_outcome'],
    ['aliyun', { status: 502, body: '<html>bad gateway</html>' }, 'channel_unknown_outcome'],
    ['tencent', number('Ok', '7:1'), { state: 'sent', providerMessageId: '7:1' }],
    ['tencent', number('Ok'), 'channel_unknown_outcome'],
    ['tencent', tencent({ SendStatusSet: [] }), 'channel_unknown_outcome'],
    ['tencent', { body: 'no json' }, 'channel_unknown_outcome'],
    ['tencent', { status: 502, body: '{}' }, 'channel_unknown_outcome'],
    ['tencent', number('InternalError.Timeout'), 'channel_unknown_outcome'],
    ['tencent', error('InternalError'), 'channel_unknown_outcome'],
    ['tencent', error('RequestLimitExceeded'), { state: 'later', code: 'RequestLimitExceeded' }],
    ['tencent', number('FailedOperation.PhoneNumberInBlacklist'), { state: 'refused' }],
    [
      'tencent',
      error('AuthFailure.SignatureFailure'),
      { state: 'refused', code: 'AuthFailure.SignatureFailure' },
    ],
  ])('%s: %j', async (name, answer, outcome) => {
    const loopback = await startLoopback(() => answer);
    const posted = smsProviderNamed(createSmsProviders(at(loopback.url)), name).send(message());
    if (typeof outcome === 'string') expect((await refusalOf(posted)).code).toBe(outcome);
    else expect(await posted).toMatchObject(outcome);
    await loopback.stop();
  });

  it('of a question that is not understood leaves the message unknown', async () => {
    const loopback = await startLoopback(() => aliyun({ Code: 'isp.SYSTEM_ERROR' }));
    const hasty = createSmsProviders(at(loopback.url));
    const refusal = await refusalOf(smsProviderNamed(hasty, 'aliyun').query(message(), new Date()));
    expect(refusal.details).toMatchObject({
      operation: 'QuerySendDetails',
      providerCode: 'isp.SYSTEM_ERROR',
    });
    await loopback.stop();
  });
});

it.each([
  ['2026-11-24T15:59:30Z', ['20261124', '20261125']],
  ['2026-11-24T12:00:00Z', ['20261124']],
])('aliyun: a message of %s is looked for under the days %j', async (posted, days) => {
  const asked: string[] = [];
  const loopback = await startLoopback((request) => {
    asked.push(new URL(request.url ?? '', 'http://x').searchParams.get('SendDate') ?? '');
    return {
      body: JSON.stringify({ Code: 'OK', TotalCount: 0, SmsSendDetailDTOs: { SmsSendDetailDTO: [] } }),
    };
  });
  const found = await smsProviderNamed(createSmsProviders(at(loopback.url)), 'aliyun').query(
    message(),
    new Date(posted),
  );
  expect([found, asked]).toEqual([{ state: 'unknown' }, days]);
  await loopback.stop();
});

it.each([
  ['13500000000', '8613500000000'],
  ['+8613500000000', '8613500000000'],
  ['+14155550100', '14155550100'],
  ['0085261234567', '85261234567'],
])('%s is %s with its country', (mobile, digits) => {
  expect(withCountry(mobile)).toBe(digits);
});

describe('settings', () => {
  const read = (given: Record<string, string>) =>
    readConfig({ DATABASE_URL: 'postgres://127.0.0.1/none', ...given }).sms;

  it('make a provider of all its credentials, and none without them', () => {
    expect(read({})).toEqual({ aliyun: undefined, tencent: undefined });
    const keys = { ALIYUN_SMS_ACCESS_KEY_ID: 'a', ALIYUN_SMS_ACCESS_KEY_SECRET: 'b' };
    expect(read(keys).aliyun).toMatchObject({
      accessKeyId: 'a',
      endpoint: 'https://dysmsapi.aliyuncs.com',
    });
  });

  it.each([
    [
      { ALIYUN_SMS_ACCESS_KEY_ID: 'a' },
      'ALIYUN_SMS_ACCESS_KEY_SECRET: missing beside ALIYUN_SMS_ACCESS_KEY_ID',
    ],
    [
      { TENCENT_SMS_SECRET_ID: 'a', TENCENT_SMS_SECRET_KEY: 'b' },
      'TENCENT_SMS_APP_ID: missing beside TENCENT_SMS_SECRET_ID',
    ],
    [{ TENCENT_SMS_ENDPOINT: 'sms.tencentcloudapi.com' }, 'TENCENT_SMS_ENDPOINT: '],
  ])('%j is refused: %s', (given, message) => {
    expect(() => read(given as Record<string, string>)).toThrow(message);
  });
});

it('names what it has no credentials for', async () => {
  for (const name of ['aliyun', 'smoke-signals']) {
    expect(await refusalOf(Promise.resolve().then(() => smsProviderNamed({}, name)))).toMatchObject({
      code: 'channel_not_configured',
      message: `this installation has no credentials for SMS by ${name}`,
    });
  }
});
