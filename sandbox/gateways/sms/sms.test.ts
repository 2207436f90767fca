import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { testSandbox, type TestSandbox } from '../../test-support.js';
import { toCstDay } from '../../values/times.js';
import { bareNumber } from './messages.js';
import { aliyunClient, signedAliyunCall, tencentClient } from './test-support.js';

let sandbox: TestSandbox;
let aliyun: Awaited<ReturnType<typeof aliyunClient>>;
let tencent: Awaited<ReturnType<typeof tencentClient>>;

// The libraries take their time to load.
beforeAll(async () => {
  sandbox = await testSandbox();
  [aliyun, tencent] = await Promise.all([
    aliyunClient(sandbox.environment),
    tencentClient(sandbox.environment),
  ]);
}, 60_000);

afterEach(() => sandbox.control('DELETE', '/faults'));

const taken = async (query = '') => (await sandbox.control('GET', `/sms${query}`)).data;
const today = (): string => toCstDay(Date.now());
/** What a library threw, as its callers see it. */
const thrown = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );

describe('Alibaba’s own client', () => {
  it('sends, and the message is shown by template and number', async () => {
    const templateParam = JSON.stringify({ code: '12 34', product: "茶 & (tea)*!'" });
    const wish = {
      phoneNumbers: '+8613500000001',
      templateCode: 'SMS_by_name',
      outId: 'o1:0.0',
      templateParam,
    };
    const answer = await aliyun.send(wish);
    expect(answer).toMatchObject({ code: 'OK', message: 'OK', bizId: expect.stringMatching(/^\d{18}\^0$/) });
    expect(await taken('?template=SMS_by_name&mobile=13500000001')).toMatchObject([
      {
        provider: 'aliyun',
        messageId: answer.bizId,
        mobile: '13500000001',
        sign: '阿里云 Ltd',
        params: { code: '12 34', product: "茶 & (tea)*!'" },
        reference: 'o1:0.0',
        status: 'delivered',
      },
    ]);
  });

  it('finds what became of a message by its day and the merchant’s number', async () => {
    for (const outId of ['a', 'b', 'c']) await aliyun.send({ phoneNumbers: '13500000002', outId });
    const asked = { phoneNumber: '13500000002', sendDate: today(), pageSize: 2 };
    const pages = [await aliyun.query(asked), await aliyun.query({ ...asked, currentPage: 2 })];
    expect(pages).toMatchObject([{ totalCount: '3' }, { totalCount: '3' }]);
    const rows = pages.flatMap((page) => page.smsSendDetailDTOs?.smsSendDetailDTO ?? []);
    expect(rows.map(({ outId, sendStatus }) => [outId, sendStatus])).toEqual([
      ['c', 3],
      ['b', 3],
      ['a', 3],
    ]);
    expect(await aliyun.query({ ...asked, sendDate: '20200101' })).toMatchObject({ totalCount: '0' });
  });

  it('is refused with a wrong secret, and with an unknown key', async () => {
    const forger = await aliyunClient(sandbox.environment, { accessKeySecret: 'x'.repeat(30) });
    expect(await thrown(forger.send())).toMatchObject({ statusCode: 403, code: 'SignatureDoesNotMatch' });
    const stranger = await aliyunClient(sandbox.environment, { accessKeyId: 'LTAInobody' });
    expect(await thrown(stranger.send())).toMatchObject({
      statusCode: 404,
      code: 'InvalidAccessKeyId.NotFound',
    });
  });

  it.each([
    ['19900000001', 'isv.MOBILE_NUMBER_ILLEGAL'],
    ['19900000003', 'isv.BUSINESS_LIMIT_CONTROL'],
    ['19900000004', 'isv.TEMPLATE_MISSING_PARAMETERS'],
    ['19900000005', 'isv.AMOUNT_NOT_ENOUGH'],
    ['12', 'isv.MOBILE_NUMBER_ILLEGAL'],
  ])(
    '%s: throws nothing on a refusal for business reasons, and sends nothing',
    async (phoneNumbers, code) => {
      const answer = await aliyun.send({ phoneNumbers });
      expect([answer.code, answer.bizId]).toEqual([code, undefined]);
      expect(await taken(`?mobile=${phoneNumbers}`)).toEqual([]);
    },
  );

  it('is told what is missing, and of values that are no JSON', async () => {
    expect(await thrown(aliyun.send({ signName: '' }))).toMatchObject({ code: 'MissingSignName' });
    expect(await aliyun.send({ templateParam: 'code=1' })).toMatchObject({ code: 'isv.INVALID_JSON_PARAM' });
  });

  it('meets what a fault says', async () => {
    await sandbox.control('POST', '/faults', { channel: 'aliyun', refuse: 'isv.OUT_OF_SERVICE', times: 1 });
    await sandbox.control('POST', '/faults', { channel: 'sms', errorRate: 1, operation: 'send', times: 2 });
    expect(await thrown(aliyun.send())).toMatchObject({ statusCode: 503, code: 'ServiceUnavailable' });
    expect(await thrown(aliyun.send())).toMatchObject({ statusCode: 503 });
    await sandbox.control('POST', '/faults', { channel: 'aliyun', refuse: 'isv.OUT_OF_SERVICE', times: 1 });
    expect(await aliyun.send()).toMatchObject({ code: 'isv.OUT_OF_SERVICE' });
    expect(await aliyun.send()).toMatchObject({ code: 'OK' });
  });

  it('waits in vain for an answer to a message that was taken', async () => {
    await sandbox.control('POST', '/faults', { channel: 'aliyun', requestTimeout: true });
    const hasty = await aliyunClient(sandbox.environment, { readTimeout: 300 });
    await expect(hasty.send({ phoneNumbers: '13500000003', outId: 'lost' })).rejects.toThrow();
    expect(await taken('?mobile=13500000003')).toMatchObject([{ reference: 'lost' }]);
  });
});

describe('a request that Alibaba’s library has signed', () => {
  const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

  it.each([
    ['is taken', {}, 200, 'OK'],
    ['is refused when its query was changed', { query: 'PhoneNumbers=1' }, 403, 'SignatureDoesNotMatch'],
    ['is refused when a body was added', { body: 'OutId=2' }, 403, 'SignatureDoesNotMatch'],
    ['is refused when it is old', { at: minutesAgo(16) }, 400, 'InvalidTimeStamp.Expired'],
    [
      'is refused when a header of Alibaba’s was added',
      { headers: { 'x-acs-extra': '1' } },
      403,
      'SignatureDoesNotMatch',
    ],
  ])('%s', async (_title, changes, status, code) => {
    const call = await signedAliyunCall(sandbox.environment, changes);
    expect(await call()).toMatchObject([status, { Code: code }]);
  });

  it('is refused when it comes again', async () => {
    const call = await signedAliyunCall(sandbox.environment);
    expect(await call()).toMatchObject([200, { Code: 'OK' }]);
    expect(await call()).toMatchObject([400, { Code: 'SignatureNonceUsed' }]);
  });
});

describe('Tencent’s own client', () => {
  it('sends, and the message is shown by template and number', async () => {
    const answer = await tencent.send({
      PhoneNumberSet: ['+8613600000001'],
      TemplateId: '77',
      SessionContext: 'o2:0',
    });
    const [status] = answer.SendStatusSet ?? [];
    expect(status).toMatchObject({ Code: 'Ok', SessionContext: 'o2:0', PhoneNumber: '+8613600000001' });
    expect(await taken('?template=77&mobile=%2B8613600000001')).toMatchObject([
      {
        provider: 'tencent',
        messageId: status?.SerialNo,
        mobile: '13600000001',
        params: ['9527', '茶 & tea'],
        reference: 'o2:0',
      },
    ]);
    const { PullSmsSendStatusSet: reports } = await tencent.pull({ PhoneNumber: '+8613600000001' });
    expect(reports).toMatchObject([
      { SerialNo: status?.SerialNo, SessionContext: 'o2:0', ReportStatus: 'SUCCESS' },
    ]);
  });

  it('is refused with a wrong secret, with an unknown id, and for another application', async () => {
    const forger = await tencentClient(sandbox.environment, { secretKey: 'x'.repeat(32) });
    expect(await thrown(forger.send())).toMatchObject({ code: 'AuthFailure.SignatureFailure' });
    const stranger = await tencentClient(sandbox.environment, { secretId: 'AKIDnobody' });
    expect(await thrown(stranger.send())).toMatchObject({ code: 'AuthFailure.SecretIdNotFound' });
    expect(await thrown(tencent.send({ SmsSdkAppId: '1' }))).toMatchObject({
      code: 'UnauthorizedOperation.SmsSdkAppIdVerifyFail',
    });
  });

  it('has a code for each number', async () => {
    const PhoneNumberSet = ['+8619900000001', '+8613600000002', '+8619900000005'];
    const { SendStatusSet } = await tencent.send({ PhoneNumberSet });
    expect(SendStatusSet?.map(({ Code }) => Code)).toEqual([
      'InvalidParameterValue.IncorrectPhoneNumber',
      'Ok',
      'FailedOperation.InsufficientBalanceInSmsPackage',
    ]);
  });

  it('meets what a fault says', async () => {
    await sandbox.control('POST', '/faults', { channel: 'tencent', errorRate: 1, times: 1 });
    expect(await thrown(tencent.send())).toMatchObject({ code: 'ServiceUnavailable' });
    await sandbox.control('POST', '/faults', {
      channel: 'sms',
      refuse: 'FailedOperation.PhoneNumberInBlacklist',
    });
    const { SendStatusSet } = await tencent.send();
    expect(SendStatusSet).toMatchObject([{ Code: 'FailedOperation.PhoneNumberInBlacklist' }]);
  });
});

describe('what both have in common', () => {
  it.each([
    ['13500000000', '13500000000'],
    ['+8613500000000', '13500000000'],
    ['008613500000000', '13500000000'],
    ['8613500000000', '13500000000'],
    ['+85261234567', '+85261234567'],
    ['0085261234567', '+85261234567'],
  ])('%s is the phone %s', (given, bare) => {
    expect(bareNumber(given)).toBe(bare);
  });

  it('answers a request without a signature as Alibaba does', async () => {
    const answer = await fetch(sandbox.environment['ALIYUN_SMS_ENDPOINT'] ?? '', { method: 'POST' });
    expect([answer.status, await answer.json()]).toMatchObject([400, { Code: 'MissingAuthorization' }]);
  });

  it('keeps messages and keys over a restart, and shows no secret', async () => {
    await aliyun.send({ phoneNumbers: '13500000009' });
    await sandbox.close();
    sandbox = await testSandbox({ home: sandbox.home });
    expect(await taken('?mobile=13500000009')).toHaveLength(1);
    const shown = JSON.stringify((await sandbox.control('GET', '/keys')).body);
    const account = await readFile(join(sandbox.home, 'sandbox', 'sms-account.json'), 'utf8');
    const { aliyun: a, tencent: t } = JSON.parse(account) as Record<string, Record<string, string>>;
    expect(shown).toContain(a?.['accessKeyId']);
    expect(shown).not.toContain(a?.['accessKeySecret']);
    expect(shown).not.toContain(t?.['secretKey']);
  });
});
