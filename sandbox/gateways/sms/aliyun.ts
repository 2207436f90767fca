import { randomUUID } from 'node:crypto';
import type { Response } from 'express';
import { z } from 'zod';
import { digits } from '../../values/random.js';
import { parsedJson } from '../../values/json.js';
import { toCst, toCstDay } from '../../values/times.js';
import { serveCall } from '../call.js';
import { AliyunGate, type AliyunKeys, AliyunRefusal, parametersOf } from './aliyun-wire.js';
import type { SmsContext } from './context.js';
import { bareNumber, isMobile, refusalOf, type Sms } from './messages.js';
import { headerOf, type SignedRequest } from './signatures.js';

const VERSION = '2017-05-25';
const MOST_PER_PAGE = 50;

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

type Parameters = ReadonlyMap<string, string>;

const textValues = z.record(z.string(), z.unknown());

/** Serves Alibaba's Dysmsapi. */
export function aliyunSms(
  context: SmsContext,
  keys: AliyunKeys,
): (request: SignedRequest, res: Response) => Promise<void> {
  const gate = new AliyunGate(keys);
  const actions = {
    SendSms: { operation: 'send', run: (sent: Parameters) => send(context, sent) },
    QuerySendDetails: { operation: 'query', run: (sent: Parameters) => query(context, sent) },
  } as const;
  return async (request, res) => {
    try {
      gate.admit(request);
      const name = headerOf(request, 'x-acs-action');
      const action = Object.entries(actions).find(([known]) => known === name)?.[1];
      if (action === undefined || headerOf(request, 'x-acs-version') !== VERSION) {
        throw new AliyunRefusal(404, 'InvalidAction.NotFound', 'Specified api is not found.');
      }
      const isForm = headerOf(request, 'content-type').startsWith('application/x-www-form-urlencoded');
      const sent = parametersOf(isForm ? `${request.query}&${request.body}` : request.query);
      await serveCall(context, res, {
        channel: 'aliyun',
        operation: action.operation,
        apply: () => applied(() => action.run(sent)),
        busy: () =>
          refused(new AliyunRefusal(503, 'ServiceUnavailable', 'The request has failed temporarily.')),
        refused: (code) => business(code, '业务失败'),
        send: (answer) => reply(res, answer),
      });
    } catch (error) {
      if (!(error instanceof AliyunRefusal)) throw error;
      reply(res, refused(error));
    }
  };
}

function send({ book }: SmsContext, sent: Parameters): Answer {
  const [mobile, sign, template] = ['PhoneNumbers', 'SignName', 'TemplateCode'].map((name) =>
    mandatory(sent, name),
  ) as [string, string, string];
  const number = bareNumber(mobile);
  if (!isMobile(number)) return business('isv.MOBILE_NUMBER_ILLEGAL', `${mobile}invalid mobile number`);
  const failure = refusalOf('aliyun', number);
  if (failure) return business(failure.code, failure.message);
  const params = textValues.safeParse(parsedJson(sent.get('TemplateParam') ?? '{}'));
  if (!params.success) return business('isv.INVALID_JSON_PARAM', 'JSON参数不合法，只接受字符串值');
  const messageId = `${digits(18)}^0`;
  book.take({
    provider: 'aliyun',
    messageId,
    mobile: number,
    sign,
    template,
    params: params.data,
    reference: sent.get('OutId') ?? '',
  });
  return business('OK', 'OK', { BizId: messageId });
}

function query({ book }: SmsContext, sent: Parameters): Answer {
  const [mobile, day, size, page] = ['PhoneNumber', 'SendDate', 'PageSize', 'CurrentPage'].map((name) =>
    mandatory(sent, name),
  ) as [string, string, string, string];
  const [perPage, number] = [Number(size), Number(page)];
  if (!/^\d{8}$/.test(day)) return business('isv.INVALID_PARAMETERS', 'SendDate must be yyyyMMdd');
  if (!(perPage >= 1 && perPage <= MOST_PER_PAGE && number >= 1)) {
    return business('isv.INVALID_PARAMETERS', `PageSize must be 1 to ${MOST_PER_PAGE}`);
  }
  const found = book
    .shown('aliyun', bareNumber(mobile))
    .filter(
      (sms) => toCstDay(sms.sentAt) === day && (!sent.get('BizId') || sent.get('BizId') === sms.messageId),
    );
  const from = (number - 1) * perPage;
  return business('OK', 'OK', {
    TotalCount: found.length,
    SmsSendDetailDTOs: { SmsSendDetailDTO: found.slice(from, from + perPage).map(detailOf) },
  });
}

function detailOf(sms: Sms): object {
  const at = toCst(sms.sentAt);
  return {
    PhoneNum: sms.mobile,
    TemplateCode: sms.template,
    Content: `【${sms.sign}】`,
    OutId: sms.reference,
    SendDate: at,
    ReceiveDate: at,
    SendStatus: sms.status === 'lost' ? 2 : 3,
    ErrCode: sms.status === 'lost' ? 'MOBILE_NOT_ON_SERVICE' : 'DELIVERED',
  };
}

/** A failure for business reasons is an HTTP 200 like a success. */
function business(code: string, message: string, more: object = {}): Answer {
  return { status: 200, body: { Code: code, Message: message, ...more } };
}

function refused({ status, code, message }: AliyunRefusal): Answer {
  return { status, body: { Code: code, Message: message } };
}

function applied(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (error instanceof AliyunRefusal) return refused(error);
    throw error;
  }
}

function reply(res: Response, { status, body }: Answer): void {
  res.status(status).json({ ...body, RequestId: randomUUID().toUpperCase() });
}

function mandatory(sent: Parameters, name: string): string {
  const value = sent.get(name) ?? '';
  if (value !== '') return value;
  throw new AliyunRefusal(400, `Missing${name}`, `${name} is mandatory for this action.`);
}
