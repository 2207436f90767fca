import { randomUUID } from 'node:crypto';
import type { Response } from 'express';
import { z } from 'zod';
import { parsedJson } from '../../values/json.js';
import { digits } from '../../values/random.js';
import { serveCall } from '../call.js';
import type { SmsContext } from './context.js';
import { bareNumber, isMobile, refusalOf, type Sms } from './messages.js';
import { headerOf, type SignedRequest } from './signatures.js';
import { authenticate, type TencentKeys, TencentRefusal } from './tencent-wire.js';

const VERSION = '2021-01-11';
const MOST_NUMBERS = 200;

type Answer = Readonly<Record<string, unknown>>;

const messages = z.object({
  PhoneNumberSet: z.array(z.string()).min(1).max(MOST_NUMBERS),
  SmsSdkAppId: z.string(),
  TemplateId: z.string().min(1),
  SignName: z.string().min(1),
  TemplateParamSet: z.array(z.string()).default([]),
  SessionContext: z.string().max(512).default(''),
});

const question = z.object({
  SmsSdkAppId: z.string(),
  PhoneNumber: z.string(),
  BeginTime: z.int(),
  EndTime: z.int().optional(),
  Offset: z.int(),
  Limit: z.int().min(1).max(100),
});

/** Serves Tencent's SMS. */
export function tencentSms(
  context: SmsContext,
  keys: TencentKeys & { readonly appId: string },
): (request: SignedRequest, res: Response) => Promise<void> {
  const actions = {
    SendSms: { operation: 'send', run: (body: unknown) => send(context, keys.appId, body) },
    PullSmsSendStatusByPhoneNumber: {
      operation: 'query',
      run: (body: unknown) => pull(context, keys.appId, body),
    },
  } as const;
  return async (request, res) => {
    try {
      authenticate(request, keys);
      const name = headerOf(request, 'x-tc-action');
      const action = Object.entries(actions).find(([known]) => known === name)?.[1];
      if (action === undefined || headerOf(request, 'x-tc-version') !== VERSION) {
        throw new TencentRefusal('InvalidAction', 'The request is not valid for this endpoint.');
      }
      if (headerOf(request, 'x-tc-region') === '') {
        throw new TencentRefusal('MissingParameter', 'The request is missing the parameter `Region`.');
      }
      const body = parsedJson(request.body);
      await serveCall(context, res, {
        channel: 'tencent',
        operation: action.operation,
        apply: () => applied(() => action.run(body)),
        busy: () => refused(new TencentRefusal('ServiceUnavailable', 'The service is not available now.')),
        refused: (code) => refusedNumbers(body, code),
        send: (answer) => reply(res, answer),
      });
    } catch (error) {
      if (!(error instanceof TencentRefusal)) throw error;
      reply(res, refused(error));
    }
  };
}

function send({ book }: SmsContext, appId: string, body: unknown): Answer {
  const wish = read(messages, body);
  checkApp(wish.SmsSdkAppId, appId);
  const statuses = wish.PhoneNumberSet.map((given) => {
    const mobile = bareNumber(given);
    const failure = isMobile(mobile)
      ? refusalOf('tencent', mobile)
      : { code: 'InvalidParameterValue.IncorrectPhoneNumber', message: 'incorrect phone number' };
    if (failure) return statusOf(given, failure.code, failure.message);
    const messageId = `5000:${digits(28)}`;
    book.take({
      provider: 'tencent',
      messageId,
      mobile,
      sign: wish.SignName,
      template: wish.TemplateId,
      params: wish.TemplateParamSet,
      reference: wish.SessionContext,
    });
    return { ...statusOf(given, 'Ok', 'send success', messageId, wish.SessionContext), Fee: 1 };
  });
  return { SendStatusSet: statuses };
}

function statusOf(given: string, code: string, message: string, serialNo = '', session = ''): Answer {
  return {
    SerialNo: serialNo,
    PhoneNumber: given,
    Fee: 0,
    SessionContext: session,
    Code: code,
    Message: message,
    IsoCode: 'CN',
  };
}

function refusedNumbers(body: unknown, code: string): Answer {
  const numbers = messages.safeParse(body).data?.PhoneNumberSet ?? [];
  return { SendStatusSet: numbers.map((given) => statusOf(given, code, 'business failure')) };
}

function pull({ book }: SmsContext, appId: string, body: unknown): Answer {
  const wish = read(question, body);
  checkApp(wish.SmsSdkAppId, appId);
  const isAsked = ({ sentAt }: Sms): boolean => {
    const second = Math.floor(sentAt / 1_000);
    return second >= wish.BeginTime && second <= (wish.EndTime ?? Number.MAX_SAFE_INTEGER);
  };
  const found = book.shown('tencent', bareNumber(wish.PhoneNumber)).filter(isAsked);
  return { PullSmsSendStatusSet: found.slice(0, wish.Limit).map(reportOf) };
}

function reportOf(sms: Sms): Answer {
  const isChina = !sms.mobile.startsWith('+');
  return {
    UserReceiveTime: Math.floor(sms.sentAt / 1_000),
    CountryCode: isChina ? '86' : '',
    SubscriberNumber: isChina ? sms.mobile : sms.mobile.slice(1),
    PhoneNumber: isChina ? `+86${sms.mobile}` : sms.mobile,
    SerialNo: sms.messageId,
    ReportStatus: sms.status === 'lost' ? 'FAIL' : 'SUCCESS',
    Description: sms.status === 'lost' ? 'UNDELIV' : 'DELIVRD',
    SessionContext: sms.reference,
  };
}

function checkApp(given: string, appId: string): void {
  if (given === appId) return;
  throw new TencentRefusal('UnauthorizedOperation.SmsSdkAppIdVerifyFail', 'SmsSdkAppId verify fail');
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const given = schema.safeParse(body);
  if (given.success) return given.data;
  const name = given.error.issues[0]?.path.join('.') ?? 'body';
  throw new TencentRefusal('InvalidParameter', `The value of the parameter \`${name}\` is not valid.`);
}

function refused({ code, message }: TencentRefusal): Answer {
  return { Error: { Code: code, Message: message } };
}

function applied(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (error instanceof TencentRefusal) return refused(error);
    throw error;
  }
}

function reply(res: Response, answer: Answer): void {
  res.json({ Response: { ...answer, RequestId: randomUUID() } });
}
