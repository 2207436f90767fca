/** The ways to pay that the client has: what each opens at its provider, and what the client reads of it. */
import { z } from 'zod';
import type { Scene } from '../../../domain/order.js';

/** Of a channel, by the channel's own names. */
type Held = Readonly<Record<string, string>>;

interface Gate {
  path: string;
  summary: string;
  channel: 'wechat' | 'alipay';
  scene: Scene;
  /** Under the names that the client reads, beside `outTradeId`. */
  toClient: (held: Held, outTradeId: string) => Readonly<Record<string, string | undefined>>;
  answered: object;
}

export const credentialSchema = z
  .looseObject({
    outTradeId: z.string().meta({ description: 'What `pay/query` and `payLogs` know the payment by.' }),
  })
  .meta({ id: 'FactoryCredential' });

const PREPAID = 'prepay_id=';

/** Mini programs read `paySign`, pages inside WeChat `sign` and `appid`: one and the same. */
function toPrepaid(held: Held) {
  const { appId, package: pack = '', paySign } = held;
  return { ...held, appid: appId, sign: paySign, prepayId: pack.replace(PREPAID, '') };
}

/** The code of Alipay's gateway that says "done". */
const DONE = { code: '10000', msg: 'Success' };

/** As the gateway answered it: the client reads the code out of that text. */
function toPrecreated({ qrCode }: Held, outTradeId: string) {
  const response = { ...DONE, out_trade_no: outTradeId, qr_code: qrCode };
  return { qrcode: JSON.stringify({ alipay_trade_precreate_response: response }) };
}

const PREPAID_EXAMPLE = {
  timeStamp: '1764547200',
  nonceStr: '5K8264ILTKCH16CQ2502SI8ZNMTM67VS',
  package: 'prepay_id=wx201410272009395522657a690389285100',
  signType: 'RSA',
  paySign: 'oR9d8PuhnIc+YZ8cBHFCwfgpaK9gd7vaRvkYD7rthRAZ',
  prepayId: 'wx201410272009395522657a690389285100',
};

export const GATES: readonly Gate[] = [
  {
    path: '/pay/wx/wxapp',
    summary: '微信小程序支付',
    channel: 'wechat',
    scene: 'jsapi',
    toClient: toPrepaid,
    answered: PREPAID_EXAMPLE,
  },
  {
    path: '/pay/wx/jsapi',
    summary: '微信公众号支付',
    channel: 'wechat',
    scene: 'jsapi',
    toClient: toPrepaid,
    answered: PREPAID_EXAMPLE,
  },
  {
    path: '/pay/wx/h5',
    summary: '微信H5支付',
    channel: 'wechat',
    scene: 'h5',
    toClient: ({ h5Url }) => ({ mweb_url: h5Url }),
    answered: { mweb_url: 'https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx2014' },
  },
  {
    path: '/pay/wx/qrcode',
    summary: '微信扫码支付',
    channel: 'wechat',
    scene: 'qr',
    toClient: ({ codeUrl }) => ({ qrcode: codeUrl }),
    answered: { qrcode: 'weixin://wxpay/bizpayurl?pr=1' },
  },
  {
    path: '/pay/wx/app',
    summary: '微信APP支付',
    channel: 'wechat',
    scene: 'app',
    // As the mobile SDK takes it.
    toClient: (held) => ({ ...held, prepayId: held['prepayid'] }),
    answered: { appid: 'wx1', partnerid: '190001', prepayid: 'wx2014', package: 'Sign=WXPay' },
  },
  {
    path: '/pay/alipay/gate/mp',
    summary: '支付宝小程序支付',
    channel: 'alipay',
    scene: 'jsapi',
    toClient: ({ tradeNo }) => ({ tradeNo }),
    answered: { tradeNo: '2026120122001419121412730660' },
  },
  {
    path: '/pay/alipay/gate/app',
    summary: '支付宝APP支付',
    channel: 'alipay',
    scene: 'app',
    toClient: ({ orderString }) => ({ url: orderString }),
    answered: { url: 'app_id=2021&method=alipay.trade.app.pay' },
  },
  {
    path: '/pay/alipay/gate/qrcode',
    summary: '支付宝扫码支付',
    channel: 'alipay',
    scene: 'qr',
    toClient: toPrecreated,
    answered: { qrcode: '{"alipay_trade_precreate_response":{"qr_code":"https://qr.alipay.com/1"}}' },
  },
  {
    path: '/pay/alipay/gate/h5',
    summary: '支付宝手机网站支付',
    channel: 'alipay',
    scene: 'h5',
    toClient: ({ url }) => ({ url }),
    answered: { url: 'https://openapi.alipay.com/gateway.do?method=alipay.trade.wap.pay' },
  },
  {
    path: '/pay/alipay/gate/pc',
    summary: '支付宝电脑网站支付',
    channel: 'alipay',
    scene: 'page',
    toClient: ({ url }) => ({ url }),
    answered: { url: 'https://openapi.alipay.com/gateway.do?method=alipay.trade.page.pay' },
  },
];
