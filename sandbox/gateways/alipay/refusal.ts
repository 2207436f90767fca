/** Alipay's refusals: gateway codes 4000x with a sub code, all inside an HTTP 200. */
export class AlipayRefusal extends Error {
  override readonly name = 'AlipayRefusal';
  readonly code: string;
  readonly msg: string;
  readonly subCode: string;

  constructor(code: keyof typeof MESSAGES, subCode: string, subMsg: string) {
    super(subMsg);
    this.code = code;
    this.msg = MESSAGES[code];
    this.subCode = subCode;
  }

  /** The inner object of the answer. */
  toAnswer(): Record<string, string> {
    return { code: this.code, msg: this.msg, sub_code: this.subCode, sub_msg: this.message };
  }
}

const MESSAGES = {
  '20000': 'Service Currently Unavailable',
  '40001': 'Missing Required Arguments',
  '40002': 'Invalid Arguments',
  '40004': 'Business Failed',
} as const;

/** The order itself cannot do what is asked. */
export function businessFailed(subCode: string, subMsg: string): AlipayRefusal {
  return new AlipayRefusal('40004', `ACQ.${subCode}`, subMsg);
}

export const tradeNotExist = (): AlipayRefusal => businessFailed('TRADE_NOT_EXIST', '交易不存在');

/** `what` says which parameter and why. */
export const invalidParameter = (what: string): AlipayRefusal =>
  businessFailed('INVALID_PARAMETER', `参数无效：${what}`);

export const systemBusy = (): AlipayRefusal => new AlipayRefusal('20000', 'isp.unknow-error', '系统繁忙');
