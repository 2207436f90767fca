/** WeChat Pay's refusals: an HTTP status and `{code, message, detail?}`. */
export class WechatRefusal extends Error {
  override readonly name = 'WechatRefusal';
  readonly status: number;
  readonly code: string;
  readonly detail: Readonly<Record<string, string>> | undefined;

  constructor(status: number, code: string, message: string, detail?: Readonly<Record<string, string>>) {
    super(message);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }

  toAnswer(): WechatAnswer {
    const { code, message, detail } = this;
    return { status: this.status, body: { code, message, ...(detail && { detail }) } };
  }
}

/** An answer before it is signed; no body is a 204. */
export interface WechatAnswer {
  readonly status: number;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** `field` is a JSON pointer into the body, or the name of a query parameter. */
export function paramError(field: string, issue: string, location: 'body' | 'query' = 'body'): WechatRefusal {
  return new WechatRefusal(400, 'PARAM_ERROR', `参数错误：${field} ${issue}`, { field, issue, location });
}

export const invalidRequest = (message: string): WechatRefusal =>
  new WechatRefusal(400, 'INVALID_REQUEST', message);

export const signError = (message: string): WechatRefusal => new WechatRefusal(401, 'SIGN_ERROR', message);

export const orderNotExist = (): WechatRefusal => new WechatRefusal(404, 'ORDER_NOT_EXIST', '订单不存在');

export const systemError = (): WechatRefusal =>
  new WechatRefusal(500, 'SYSTEM_ERROR', '系统异常，请稍后重试');
