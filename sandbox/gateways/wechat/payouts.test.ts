import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Aes, Formatter, Rsa, type Wechatpay } from 'wechatpay-axios-plugin';
import { tamperingProxy } from '../../test-proxy.js';
import { orderNo, testReceiver, testSandbox, wechatClient, type TestSandbox } from '../../test-support.js';
import { settled, type Answer } from './test-support.js';

const BILLS = 'v3/fund-app/mch-transfer/transfer-bills';

let sandbox: TestSandbox;
let client: Wechatpay;

beforeAll(async () => {
  sandbox = await testSandbox({ speed: 1 });
  client = wechatClient(sandbox.environment);
});

const env = (name: string): string => sandbox.environment[name] ?? '';
const publicKey = (): string => readFileSync(env('WECHAT_PUBLIC_KEY'), 'utf8');
const sealed = (name: string): string => Rsa.encrypt(name, Rsa.from(publicKey(), 'public'));

function bill(no: string, changes: object = {}): object {
  return {
    appid: env('WECHAT_APP_ID'),
    out_bill_no: no,
    transfer_scene_id: '1005',
    openid: 'openid-1',
    transfer_amount: 503,
    transfer_remark: '提现',
    user_recv_perception: '劳务报酬',
    transfer_scene_report_infos: [
      { info_type: '岗位类型', info_content: '设计师' },
      { info_type: '报酬说明', info_content: '提现' },
    ],
    ...changes,
  };
}

const post = (path: string, body: object, by = client, headers = {}): Promise<Answer> =>
  settled(by.chain(path).post<unknown, Answer>(body, { headers }));
const named = (body: object, serial = env('WECHAT_PUBLIC_KEY_ID')): Promise<Answer> =>
  post(BILLS, body, client, { 'Wechatpay-Serial': serial });
const query = (no: string): Promise<Answer> =>
  settled(client.chain(`${BILLS}/out-bill-no/${no}`).get<unknown, Answer>());
const cancel = (no: string): Promise<Answer> => post(`${BILLS}/out-bill-no/${no}/cancel`, {});
const settle = (no: string, result: string): Promise<unknown> =>
  sandbox.control('POST', `/payouts/${no}/settle`, { result });

describe('transfer-bills', () => {
  it('wait for their receiver, then are paid, under signatures that the client verifies', async () => {
    const no = orderNo();
    const first = await post(BILLS, bill(no));
    expect(first).toMatchObject({
      status: 200,
      data: { out_bill_no: no, state: 'WAIT_USER_CONFIRM', package_info: expect.stringMatching(/==$/) },
    });
    const again = await post(BILLS, bill(no));
    expect(again.data['transfer_bill_no']).toBe(first.data['transfer_bill_no']);
    expect(again.data['package_info']).not.toBe(first.data['package_info']);
    const waiting = await query(no);
    expect(waiting.data).toMatchObject({
      mch_id: env('WECHAT_MCH_ID'),
      state: 'WAIT_USER_CONFIRM',
      transfer_amount: 503,
    });
    expect(waiting.data).not.toHaveProperty('package_info');
    await settle(no, 'confirm');
    expect((await query(no)).data).toMatchObject({ state: 'TRANSFERING' });
    await settle(no, 'success');
    expect((await query(no)).data).toMatchObject({ state: 'SUCCESS' });
    expect((await post(BILLS, bill(no))).data).toMatchObject({ state: 'SUCCESS' });
  });

  it.each([
    ['fail', 'TRANSFER_RISK'],
    ['abnormal', 'PAYEE_ACCOUNT_ABNORMAL'],
    ['expire', 'OVERDUE_CLOSE'],
  ])('that end by %s say FAIL and %s', async (result, fail_reason) => {
    const no = orderNo();
    await post(BILLS, bill(no));
    await settle(no, result);
    expect((await query(no)).data).toMatchObject({ state: 'FAIL', fail_reason });
  });

  it('are cancelled before their receiver took them, and not after', async () => {
    const no = orderNo();
    await post(BILLS, bill(no));
    expect(await cancel(no)).toMatchObject({ status: 200, data: { state: 'CANCELING' } });
    await settle(no, 'cancel');
    expect(await cancel(no)).toMatchObject({ status: 200, data: { state: 'CANCELLED' } });
    const taken = orderNo();
    await post(BILLS, bill(taken));
    await settle(taken, 'success');
    expect(await cancel(taken)).toMatchObject({ status: 400, data: { code: 'INVALID_REQUEST' } });
  });

  it('know nothing of a number that was never posted', async () => {
    const absent = { status: 404, data: { code: 'NOT_FOUND' } };
    expect(await query(orderNo())).toMatchObject(absent);
    expect(await cancel(orderNo())).toMatchObject(absent);
  });

  it.each([
    ['another amount under the same number', { transfer_amount: 504 }, 400, 'INVALID_REQUEST'],
    ['another receiver under the same number', { openid: 'openid-2' }, 400, 'INVALID_REQUEST'],
  ])('refuse %s', async (_what, changes, status, code) => {
    const no = orderNo();
    await post(BILLS, bill(no));
    expect(await post(BILLS, bill(no, changes))).toMatchObject({ status, data: { code } });
    expect((await query(no)).data).toMatchObject({ transfer_amount: 503, openid: 'openid-1' });
  });

  it.each([
    ['a number with a hyphen', { out_bill_no: 'a-1' }],
    ['less than 0.10 yuan', { transfer_amount: 9 }],
    ['part of a fen', { transfer_amount: 10.5 }],
    ['a receiver who is nobody', { openid: 'nobody-1' }],
    ['a scene that was not granted', { transfer_scene_id: '1013' }],
    ['a word that the scene does not show', { user_recv_perception: '红包' }],
    [
      'a report with a fact missing',
      { transfer_scene_report_infos: [{ info_type: '岗位类型', info_content: 'x' }] },
    ],
    ['another application', { appid: 'wx0' }],
    ['2000 yuan without a name', { transfer_amount: 200_000 }],
  ])('refuse %s', async (_what, changes) => {
    const no = orderNo();
    const answer = await post(BILLS, bill(no, changes));
    expect(answer.status).toBe(400);
    expect(answer.data['code']).toMatch(/^(PARAM_ERROR|INVALID_REQUEST)$/);
    expect((await query(no)).status).toBe(404);
  });

  it('refuse what the balance does not cover', async () => {
    await sandbox.control('POST', '/faults', { channel: 'wechat', lowBalance: true, times: 1 });
    const no = orderNo();
    expect(await post(BILLS, bill(no))).toMatchObject({ status: 403, data: { code: 'NOT_ENOUGH' } });
    expect(await post(BILLS, bill(no))).toMatchObject({ status: 200 });
  });
});

describe('the receiver’s name', () => {
  it('is read with WeChat Pay’s own key, and is part of what a number stands for', async () => {
    const no = orderNo();
    expect(await named(bill(no, { user_name: sealed('沈括') }))).toMatchObject({ status: 200 });
    expect(await named(bill(no, { user_name: sealed('沈括') }))).toMatchObject({ status: 200 });
    expect((await sandbox.control('GET', `/payouts/${no}`)).body).toMatchObject({ receiverName: '沈括' });
    expect(await named(bill(no, { user_name: sealed('苏颂') }))).toMatchObject({ status: 400 });
  });

  it('that is not the receiver’s makes the bill fail', async () => {
    const no = orderNo();
    await named(bill(no, { user_name: sealed('张冠李戴') }));
    await expect
      .poll(async () => (await query(no)).data, { timeout: 3_000 })
      .toMatchObject({ state: 'FAIL', fail_reason: 'NAME_NOT_CORRECT' });
  });

  it.each([
    ['in the clear', () => named(bill(orderNo(), { user_name: '沈括' }))],
    ['of another key', () => named(bill(orderNo(), { user_name: sealed('沈括') }), 'PUB_KEY_ID_0')],
    ['without the key’s number', () => post(BILLS, bill(orderNo(), { user_name: sealed('沈括') }))],
  ])('%s is refused', async (_what, call) => {
    expect(await call()).toMatchObject({ status: 400, data: { code: 'PARAM_ERROR' } });
  });
});

describe('who is calling', () => {
  it('pays nothing for a call that another key signed', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const stranger = wechatClient(sandbox.environment, { privateKey: pem });
    const no = orderNo();
    expect(await post(BILLS, bill(no), stranger)).toMatchObject({
      status: 401,
      data: { code: 'SIGN_ERROR' },
    });
    expect((await sandbox.control('GET', `/payouts/${no}`)).status).toBe(404);
  });

  it('is told nothing by an answer that was changed on its way', async () => {
    const no = orderNo();
    await post(BILLS, bill(no));
    const proxy = await tamperingProxy(env('WECHAT_BASE_URL'), (body) =>
      body.replace('WAIT_USER_CONFIRM', 'FAIL'),
    );
    const fooled = wechatClient(sandbox.environment, { baseURL: proxy.url });
    const changed = { code: 'EV3_RES_HEADER_SIGNATURE_DIGEST' };
    await expect(fooled.chain(`${BILLS}/out-bill-no/${no}`).get()).rejects.toMatchObject(changed);
    await expect(fooled.chain(BILLS).post(bill(no))).rejects.toMatchObject(changed);
    await proxy.close();
  });
});

describe('MCHTRANSFER.BILL.FINISHED', () => {
  it.each([
    ['success', 'SUCCESS'],
    ['expire', 'FAIL'],
    ['cancel', 'CANCELLED'],
  ])('is posted when a bill ends by %s, signed and sealed', async (result, state) => {
    const receiver = await testReceiver({ status: 204 });
    const no = orderNo();
    await post(BILLS, bill(no, { notify_url: receiver.url }));
    await settle(no, result);
    const [{ headers, body } = { headers: {}, body: '' }] = await receiver.until(1);
    const text = Formatter.response(
      String(headers['wechatpay-timestamp']),
      String(headers['wechatpay-nonce']),
      body,
    );
    const signature = String(headers['wechatpay-signature']);
    expect(Rsa.verify(text, signature, Rsa.from(publicKey(), 'public'))).toBe(true);
    const { event_type, resource } = JSON.parse(body) as {
      event_type: string;
      resource: Record<string, string>;
    };
    expect(event_type).toBe('MCHTRANSFER.BILL.FINISHED');
    const { ciphertext = '', nonce = '', associated_data = '', original_type } = resource;
    expect({ associated_data, original_type }).toEqual({
      associated_data: 'mch_payment',
      original_type: 'mch_payment',
    });
    const plain = Aes.AesGcm.decrypt(ciphertext, env('WECHAT_API_V3_KEY'), nonce, associated_data);
    expect(JSON.parse(plain)).toMatchObject({
      mch_id: env('WECHAT_MCH_ID'),
      out_bill_no: no,
      state,
      transfer_amount: 503,
    });
  });
});
