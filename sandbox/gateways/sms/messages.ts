import type { SmsProvider } from '../../gateway.js';
import type { Store } from '../../state/store.js';

/** A message that a provider took. */
export interface Sms {
  readonly provider: SmsProvider;
  /** The provider's own number: BizId, or SerialNo. */
  readonly messageId: string;
  /** Eleven digits for a phone in China, else digits with the country's code after `+`. */
  readonly mobile: string;
  readonly sign: string;
  readonly template: string;
  /** By name at Alibaba, by position at Tencent. */
  readonly params: Readonly<Record<string, unknown>> | readonly string[];
  /** The merchant's number for it: OutId, or SessionContext. */
  readonly reference: string;
  /** `hidden`: the phone has it, and the provider's query does not show it. */
  readonly status: 'delivered' | 'lost' | 'hidden';
  /** Epoch ms. */
  readonly sentAt: number;
}

interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Numbers to which a provider does not send, each with its reason. */
const REFUSED: Readonly<Record<string, Readonly<Record<SmsProvider, Failure>>>> = {
  '19900000001': {
    aliyun: { code: 'isv.MOBILE_NUMBER_ILLEGAL', message: '19900000001invalid mobile number' },
    tencent: {
      code: 'InvalidParameterValue.IncorrectPhoneNumber',
      message: 'incorrect phone number 19900000001',
    },
  },
  '19900000002': {
    aliyun: { code: 'isv.BUSINESS_LIMIT_CONTROL', message: '触发分钟级流控Permits:1' },
    tencent: {
      code: 'LimitExceeded.PhoneNumberThirtySecondLimit',
      message: 'the number of SMS messages to a phone exceeds the limit of 30 seconds',
    },
  },
  '19900000003': {
    aliyun: { code: 'isv.BUSINESS_LIMIT_CONTROL', message: '触发天级流控Permits:10' },
    tencent: {
      code: 'LimitExceeded.PhoneNumberDailyLimit',
      message: 'the number of SMS messages to a phone exceeds the daily limit',
    },
  },
  '19900000004': {
    aliyun: { code: 'isv.TEMPLATE_MISSING_PARAMETERS', message: '模板变量缺少对应参数值' },
    tencent: {
      code: 'FailedOperation.TemplateParamSetNotMatchApprovedTemplate',
      message: 'request content does not match the template content',
    },
  },
  '19900000005': {
    aliyun: { code: 'isv.AMOUNT_NOT_ENOUGH', message: '账户余额不足' },
    tencent: {
      code: 'FailedOperation.InsufficientBalanceInSmsPackage',
      message: 'insufficient balance in SMS package',
    },
  },
};

/** Numbers whose messages are taken and then come to something else than the phone, or are not shown afterwards. */
const FATES: Readonly<Record<string, Sms['status']>> = { '19900000007': 'lost', '19900000008': 'hidden' };

const IS_MOBILE = /^(1\d{10}|\+\d{7,15})$/;

/** One form for a number, however it was written: `+86 135...`, `0086135...`, `86135...`. */
export function bareNumber(given: string): string {
  const digits = given.replace(/^(\+|00)/, '');
  if (/^1\d{10}$/.test(given) || /^861\d{10}$/.test(digits)) return digits.slice(-11);
  return `+${digits}`;
}

export const isMobile = (mobile: string): boolean => IS_MOBILE.test(mobile);

/** Why the provider does not send to this number, if it does not. */
export function refusalOf(provider: SmsProvider, mobile: string): Failure | null {
  return REFUSED[mobile]?.[provider] ?? null;
}

/** What the providers of SMS have taken. */
export class SmsBook {
  readonly #store: Store;
  readonly #now: () => number;

  constructor(store: Store, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  take(wish: Omit<Sms, 'status' | 'sentAt'>): Sms {
    const sms: Sms = { ...wish, status: FATES[wish.mobile] ?? 'delivered', sentAt: this.#now() };
    return this.#store.sms.set(`${sms.provider}:${sms.messageId}`, sms);
  }

  /** Newest first, without those that the query does not show. */
  shown(provider: SmsProvider, mobile: string): Sms[] {
    return [...this.#store.sms.values()]
      .filter((sms) => sms.provider === provider && sms.mobile === mobile && sms.status !== 'hidden')
      .reverse();
  }
}
