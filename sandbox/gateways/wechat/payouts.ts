import { constants, privateDecrypt } from 'node:crypto';
import { z } from 'zod';
import type { GatewayContext } from '../../gateway.js';
import type { Payout, PayoutReason } from '../../state/payouts.js';
import { canonical } from '../../values/json.js';
import { base62, digits } from '../../values/random.js';
import { toCstDay, toRfc3339 } from '../../values/times.js';
import { isNobody, isWrongName } from '../receivers.js';
import type { WechatAccount } from './account.js';
import { invalidRequest, paramError, WechatRefusal, type WechatAnswer } from './refusal.js';
import { notifyUrl, readBody } from './trades.js';

/** The receiver has a day to take the money. */
const RECEIVER_HAS_MS = 86_400_000;
const LOWEST_FEN = 10;
/** From here on the receiver's name has to come with the call. */
const NAME_NEEDED_FROM_FEN = 200_000;

const bill = z.object({
  appid: z.string(),
  out_bill_no: z.string().regex(/^[0-9A-Za-z]{1,32}$/, 'takes up to 32 letters and digits'),
  transfer_scene_id: z.string().min(1).max(36),
  openid: z.string().min(1).max(64),
  user_name: z.string().min(1).max(1024).optional(),
  transfer_amount: z.int().min(LOWEST_FEN),
  transfer_remark: z.string().min(1).max(32),
  notify_url: notifyUrl.optional(),
  user_recv_perception: z.string().max(15).optional(),
  transfer_scene_report_infos: z
    .array(z.object({ info_type: z.string().min(1).max(15), info_content: z.string().min(1).max(32) }))
    .min(1),
});
type Bill = z.infer<typeof bill>;

/** What has to be reported for a scene, word for word. A scene that is not here was not granted to this merchant. */
const SCENES: Readonly<Record<string, { reports: readonly string[]; perceptions: readonly string[] }>> = {
  '1000': { reports: ['活动名称', '奖励说明'], perceptions: ['活动奖励', '现金奖励'] },
  '1005': {
    reports: ['岗位类型', '报酬说明'],
    perceptions: ['劳务报酬', '报销款', '企业补贴', '开工利是'],
  },
  '1009': { reports: ['采购商品名称'], perceptions: ['货款'] },
  '1010': { reports: ['回收商品名称'], perceptions: ['二手回收货款'] },
  '1011': { reports: ['赔付原因'], perceptions: ['退款', '商家赔付'] },
};

const FAIL_REASONS = {
  refused: 'TRANSFER_RISK',
  receiver_abnormal: 'PAYEE_ACCOUNT_ABNORMAL',
  name_mismatch: 'NAME_NOT_CORRECT',
  overdue: 'OVERDUE_CLOSE',
  merchant_cancelled: 'MCH_CANCEL',
  returned: 'BANK_FAIL',
} as const satisfies Record<PayoutReason, string>;

/**
 * POST /v3/fund-app/mch-transfer/transfer-bills: waits for its receiver; the same out_bill_no pays once, and gives a
 * new package each time.
 */
export function transfer(
  context: GatewayContext,
  wechat: WechatAccount,
  body: string,
  serial: string | undefined,
): WechatAnswer {
  const biz = readBody(body, bill);
  checkBill(biz, wechat);
  const name = biz.user_name === undefined ? null : openedName(biz.user_name, serial, wechat);
  const request = canonical({ ...biz, user_name: name });
  const known = context.payouts.find('wechat', biz.out_bill_no);
  if (known && known.request !== request) {
    throw invalidRequest('商户单号已存在，请核实参数与原请求是否一致');
  }
  const payout = known ?? open(context, biz, name, request);
  const state = billState(payout);
  return {
    status: 200,
    body: {
      out_bill_no: payout.outPayoutNo,
      transfer_bill_no: payout.payoutNo,
      create_time: toRfc3339(payout.createdAt),
      state,
      ...(state === 'WAIT_USER_CONFIRM' && { package_info: `${base62(86)}==` }),
    },
  };
}

/** GET /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}: without the package, as there. */
export function transferQuery(
  context: GatewayContext,
  wechat: WechatAccount,
  outBillNo: string,
): WechatAnswer {
  const payout = namedBill(context, outBillNo);
  return {
    status: 200,
    body: {
      ...transferResource(payout, wechat.mchId),
      appid: wechat.appId,
      transfer_remark: payout.remark ?? '',
    },
  };
}

/** POST /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel: accepted here, done a little later. */
export function transferCancel(context: GatewayContext, outBillNo: string): WechatAnswer {
  const known = namedBill(context, outBillNo);
  const state = billState(known);
  if (!['WAIT_USER_CONFIRM', 'CANCELING', 'CANCELLED'].includes(state)) {
    throw invalidRequest('当前转账单状态不允许撤销');
  }
  const payout = state === 'CANCELLED' ? known : context.payouts.cancel(known);
  return {
    status: 200,
    body: {
      out_bill_no: payout.outPayoutNo,
      transfer_bill_no: payout.payoutNo,
      state: billState(payout),
      update_time: toRfc3339(payout.updatedAt),
    },
  };
}

/** What a query answers and what a payout's notification holds; the merchant is `mch_id` here, with a `_`. */
export function transferResource(payout: Payout, mchId: string): Record<string, unknown> {
  return {
    mch_id: mchId,
    out_bill_no: payout.outPayoutNo,
    transfer_bill_no: payout.payoutNo,
    state: billState(payout),
    transfer_amount: payout.amount,
    openid: payout.receiver,
    ...(payout.reason && { fail_reason: FAIL_REASONS[payout.reason] }),
    create_time: toRfc3339(payout.createdAt),
    update_time: toRfc3339(payout.updatedAt),
  };
}

/**
 * A balance at WeChat Pay sends nothing back, so a bounce has no word of its own there; the one used is that of its
 * transfers to bank cards.
 */
export function billState(payout: Payout): string {
  const words = {
    processing: payout.becomes?.status === 'cancelled' ? 'CANCELING' : 'TRANSFERING',
    awaiting_receiver: 'WAIT_USER_CONFIRM',
    paid: 'SUCCESS',
    failed: 'FAIL',
    cancelled: 'CANCELLED',
    bounced: 'BANK_REFUND',
  } as const satisfies Record<Payout['status'], string>;
  return words[payout.status];
}

/** The merchant's balance does not cover it: nothing is kept, and the same call may come again. */
export function balanceTooLow(): WechatRefusal {
  return new WechatRefusal(403, 'NOT_ENOUGH', '资金不足');
}

function checkBill(biz: Bill, wechat: WechatAccount): void {
  if (biz.appid !== wechat.appId) throw invalidRequest('APPID不存在');
  const scene = SCENES[biz.transfer_scene_id];
  if (!scene) throw invalidRequest('你尚未获取该转账场景');
  const reported = biz.transfer_scene_report_infos.map((info) => info.info_type).sort();
  if (reported.join() !== [...scene.reports].sort().join()) {
    throw new WechatRefusal(400, 'PARAM_ERROR', '未传入完整且对应的转账场景报备信息，请根据接口文档检查');
  }
  if (biz.user_recv_perception !== undefined && !scene.perceptions.includes(biz.user_recv_perception)) {
    throw invalidRequest('暂不支持展示当前传入的用户收款感知');
  }
  if (isNobody(biz.openid)) throw paramError('/openid', 'does not belong to the appid');
  if (biz.transfer_amount >= NAME_NEEDED_FROM_FEN && biz.user_name === undefined) {
    throw paramError('/user_name', 'is needed from 2000 yuan on');
  }
}

/** The name comes encrypted with our public key, and the call has to say with which one. */
function openedName(sealed: string, serial: string | undefined, wechat: WechatAccount): string {
  if (serial !== wechat.publicKeyId) {
    throw new WechatRefusal(400, 'PARAM_ERROR', 'Wechatpay-Serial 与敏感信息加密所用的公钥不符');
  }
  try {
    const key = { key: wechat.provider.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING };
    return privateDecrypt(key, Buffer.from(sealed, 'base64')).toString('utf8');
  } catch {
    throw new WechatRefusal(400, 'PARAM_ERROR', '敏感信息解密失败：user_name');
  }
}

function open(context: GatewayContext, biz: Bill, name: string | null, request: string): Payout {
  const details = {
    channel: 'wechat',
    payoutNo: `133${digits(13)}${toCstDay(context.now())}${digits(16)}`,
    outPayoutNo: biz.out_bill_no,
    amount: biz.transfer_amount,
    receiver: biz.openid,
    receiverName: name,
    remark: biz.transfer_remark,
    notifyUrl: biz.notify_url ?? null,
    request,
  } as const;
  if (!isWrongName(name)) return context.payouts.open({ ...details, receiverHasMs: RECEIVER_HAS_MS });
  const ends = { status: 'failed', reason: 'name_mismatch' } as const;
  return context.payouts.open({ ...details, receiverHasMs: null, ends });
}

function namedBill(context: GatewayContext, outBillNo: string): Payout {
  const payout = context.payouts.find('wechat', outBillNo);
  if (!payout) throw new WechatRefusal(404, 'NOT_FOUND', '记录不存在');
  return payout;
}
