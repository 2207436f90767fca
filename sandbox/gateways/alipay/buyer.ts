import type { GatewayContext } from '../../gateway.js';
import { Refusal } from '../../state/refusal.js';
import type { Trade } from '../../state/trades.js';
import { toCst } from '../../values/times.js';
import { yuanFromFen } from '../../values/yuan.js';
import { authenticate, type AlipayAccount } from './account.js';
import { AlipayRefusal } from './refusal.js';
import { openOrder } from './trades.js';
import { fromForm, signParams, type Params } from './wire.js';

/** The methods that the buyer's own device carries to Alipay. Until it does, Alipay knows of no trade. */
const SCENES = {
  'alipay.trade.app.pay': 'app',
  'alipay.trade.wap.pay': 'h5',
  'alipay.trade.page.pay': 'page',
} as const;

/** The two that a browser brings to the gateway. The app's order string goes through the Alipay app. */
export function isPageMethod(method: string | undefined): boolean {
  return method === 'alipay.trade.wap.pay' || method === 'alipay.trade.page.pay';
}

/**
 * A browser arrives with a signed page call: the trade exists from now on.
 * @throws AlipayRefusal
 */
export function openPage(context: GatewayContext, alipay: AlipayAccount, params: Params): Trade {
  authenticate(params, alipay);
  return openOrder(context, params, sceneOf(params['method']));
}

/**
 * The buyer's device opens an order string, a page link or a page form; or scans a code that is known.
 * @throws Refusal `bad_credential`
 */
export function openCredential(
  context: GatewayContext,
  alipay: AlipayAccount,
  strings: readonly string[],
): Trade {
  const [known] = context.trades.list(
    (trade) =>
      trade.channel === 'alipay' && Object.values(trade.credential).some((code) => strings.includes(code)),
  );
  if (known) return known;
  const carried = strings.find((text) => text.includes('sign='));
  if (carried === undefined) {
    throw new Refusal('bad_credential', 'The credential is no Alipay order string, page link or page form.');
  }
  try {
    return openPage(context, alipay, carriedParams(carried));
  } catch (error) {
    if (!(error instanceof AlipayRefusal)) throw error;
    throw new Refusal('bad_credential', `Alipay refuses it: ${error.subCode} ${error.message}`);
  }
}

/** Where the browser goes after paying: the merchant's return_url with Alipay's signed parameters. */
export function signedReturnUrl(alipay: AlipayAccount, trade: Trade, now: number): string | null {
  if (trade.returnUrl === null) return null;
  const method = trade.scene === 'h5' ? 'alipay.trade.wap.pay.return' : 'alipay.trade.page.pay.return';
  const params = signParams(
    {
      charset: 'utf-8',
      version: '1.0',
      method,
      app_id: alipay.appId,
      auth_app_id: alipay.appId,
      seller_id: alipay.sellerId,
      out_trade_no: trade.outTradeNo,
      trade_no: trade.tradeNo,
      total_amount: yuanFromFen(trade.paidAmount ?? trade.amount),
      timestamp: toCst(now),
    },
    alipay.provider.privateKey,
  );
  const url = new URL(trade.returnUrl);
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  return url.href;
}

function sceneOf(method: string | undefined): string {
  const scene = Object.entries(SCENES).find(([name]) => name === method)?.[1];
  if (!scene) throw new AlipayRefusal('40002', 'isv.invalid-method', '不存在的方法名');
  return scene;
}

/** The parameters inside what the merchant handed out: an order string, a link, or an HTML form. */
function carriedParams(text: string): Params {
  if (!text.includes('<form')) return fromForm(text.slice(text.indexOf('?') + 1));
  const action = (/action="([^"]*)"/.exec(text)?.[1] ?? '').replaceAll('&amp;', '&');
  const inputs = [...text.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(
    ([, name = '', value = '']) => [name, value.replaceAll('&quot;', '"').replaceAll('&amp;', '&')] as const,
  );
  return { ...fromForm(action.slice(action.indexOf('?') + 1)), ...Object.fromEntries(inputs) };
}
