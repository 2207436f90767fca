/** Alipay's gateway, version 2, through the official client: one verified call, one answer. */
import { type KeyObject, X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { HoldfastError } from '../domain/errors.js';
import { AlipayRequestError, AlipaySdk, type AlipaySdkConfig } from './alipay-sdk.js';
import { toChinaTime } from '../domain/china-time.js';
import { DEFAULT_TIMEOUT_MS, channelRefused, unknownOutcome, withDeadline } from './provider-errors.js';

export interface AlipayConfig {
  appId: string;
  /** The application's private key: PEM, PKCS#1 or PKCS#8. */
  privateKey: string;
  /** Alipay's own public key for this application (not the application's): PEM. Not read beside certificates. */
  alipayPublicKey?: string | undefined;
  /** Certificate mode, which Alipay demands of those who pay out: its key comes in its certificate. */
  certificates?: AlipayCertificates | undefined;
  /** Such as `https://openapi.alipay.com/gateway.do`. */
  gateway: string;
  /** The seller's account (2088...). When given, only money paid to it is ours. */
  sellerId?: string | undefined;
  /** Deadline of one call; 5 s when left out. */
  timeoutMs?: number | undefined;
}

/** PEM, as Alipay's open platform hands them out. */
export interface AlipayCertificates {
  /** The application's (`appCertPublicKey_<app id>.crt`). */
  app: string;
  /** Alipay's own (`alipayCertPublicKey_RSA2.crt`). */
  alipay: string;
  /** Alipay's roots (`alipayRootCert.crt`), all that the file holds. */
  root: string;
}

const answerSchema = z.object({
  code: z.string(),
  msg: z.string().optional(),
  sub_code: z.string().optional(),
  sub_msg: z.string().optional(),
});

export type AlipayAnswer<T> = { ok: true; fields: T } | { ok: false; refusal: AlipayRefusal };

export interface AlipayRefusal {
  operation: string;
  code: string;
  subCode: string | undefined;
  subMessage: string | undefined;
}

export interface AlipayClient {
  sdk: AlipaySdk;
  /**
   * One call of the gateway. A refusal is an answer; what it means depends on the call.
   * @throws HoldfastError `channel_unknown_outcome`: time-out, network, HTTP error, an answer that fails
   * verification or cannot be read
   */
  call<T>(
    operation: string,
    bizContent: Record<string, string | readonly string[] | Readonly<Record<string, string>>>,
    fields: z.ZodType<T>,
    extra?: Record<string, string>,
  ): Promise<AlipayAnswer<T>>;
}

/**
 * The official client looks for the signed part of an answer by text search, and then reads it with a JSON
 * parser. An answer that embeds an older signed part under another name, or the same name twice, passes its
 * check with a forged content (an `error_response` of code 10000, for one). So the signed text must be the
 * whole of the answer, but for the signature.
 */
class StrictAlipaySdk extends AlipaySdk {
  override checkResponseSign(raw: string, responseKey: string, serverSign: string, traceId: string): void {
    const signed = this.getSignStr(raw, responseKey);
    const head = new RegExp(`^\\s*\\{\\s*"${responseKey}"\\s*:\\s*$`);
    const tail = /^\s*,\s*(?:"alipay_cert_sn"\s*:\s*"\w*"\s*,\s*)?"sign"\s*:\s*"[\w+/=\\]*"\s*\}\s*$/;
    const start = raw.indexOf(signed);
    if (!head.test(raw.slice(0, start)) || !tail.test(raw.slice(start + signed.length))) {
      throw new AlipayRequestError('the answer is more than its signed part');
    }
    super.checkResponseSign(raw, responseKey, serverSign, traceId);
  }
}

/** @throws HoldfastError `channel_not_configured`: a key or a certificate that is none */
export function createAlipayClient(config: AlipayConfig): AlipayClient {
  const timeoutMs = config.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const sdk = createSdk(config, timeoutMs);
  return {
    sdk,
    async call(operation, bizContent, fields, extra = {}) {
      try {
        // Verification is off unless it is asked for, call by call.
        const answer = await withDeadline(
          sdk.exec(operation, { ...signedNow(), ...extra, bizContent }, { validateSign: true }),
          timeoutMs,
        );
        const { code, sub_code: subCode, sub_msg: subMessage } = answerSchema.parse(answer);
        if (code === '10000') return { ok: true, fields: fields.parse(answer) };
        return { ok: false, refusal: { operation, code, subCode, subMessage } };
      } catch (error) {
        throw unknownOutcome({ channel: 'alipay', operation }, error);
      }
    },
  };
}

/** The client stamps calls with local time, and Alipay reads the stamp as China's. */
export function signedNow(): { timestamp: string } {
  return { timestamp: toChinaTime(new Date()) };
}

// 20000: service unavailable; 40005: too many calls. Neither says anything about the trade.
const PASSING_CODES: ReadonlySet<string> = new Set(['20000', '40005']);
// The provider's own words for "ask what became of it", and a trade that the payer has already paid: a
// create that is refused for that must be asked for, not given up.
const ASK_AGAIN_SUBCODES: ReadonlySet<string> = new Set([
  'ACQ.SYSTEM_ERROR',
  'isp.unknow-error',
  'aop.unknow-error',
  'ACQ.TRADE_HAS_SUCCESS',
]);

/** What a refused call that moves something comes to: no for good, or unknown. */
export function toRefusalError(refusal: AlipayRefusal): HoldfastError {
  const facts = toFacts(refusal);
  const { code, subCode } = refusal;
  const isUnknown = PASSING_CODES.has(code) || (subCode !== undefined && ASK_AGAIN_SUBCODES.has(subCode));
  return isUnknown ? unknownOutcome(facts) : channelRefused(facts);
}

/** What a refused question comes to: it says nothing about the trade, so its state stays unknown. */
export function toUnanswered(refusal: AlipayRefusal): HoldfastError {
  return unknownOutcome(toFacts(refusal));
}

/** A signed answer about another trade is an old one that somebody plays again. */
export function assertSameTrade(operation: string, asked: string, answered: string): void {
  if (asked !== answered) {
    throw unknownOutcome({
      channel: 'alipay',
      operation,
      providerMessage: 'the answer is about another trade',
    });
  }
}

function toFacts({ operation, code, subCode, subMessage }: AlipayRefusal) {
  return {
    channel: 'alipay',
    operation,
    providerCode: subCode ?? code,
    providerMessage: subMessage,
  } as const;
}

/**
 * Reads the keys once, at the start. Without Alipay's key the client would only warn and accept every answer,
 * and its own reading of PEM takes what it is given (promise W2).
 */
function createSdk(config: AlipayConfig, timeoutMs: number): AlipaySdk {
  try {
    const key = createPrivateKey(config.privateKey);
    const sdk = new StrictAlipaySdk({
      appId: config.appId,
      gateway: config.gateway,
      timeout: timeoutMs,
      signType: 'RSA2',
      keyType: 'PKCS8',
      camelcase: false,
      privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
      ...(config.certificates ? readCertificates(config.certificates, key) : readAlipayKey(config)),
    });
    // The client would go on without any certificate.
    if (config.certificates && !sdk.config.alipayRootCertSn) {
      throw notConfigured('the root certificates must hold one that is signed by RSA');
    }
    return sdk;
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    throw notConfigured(
      config.certificates
        ? 'the private key must be a PEM key, and the certificates PEM certificates'
        : 'the private key and the Alipay public key must be PEM keys',
      cause,
    );
  }
}

function readAlipayKey({ alipayPublicKey = '' }: AlipayConfig): Pick<AlipaySdkConfig, 'alipayPublicKey'> {
  const key = createPublicKey(alipayPublicKey);
  return { alipayPublicKey: key.export({ type: 'spki', format: 'pem' }).toString() };
}

/** @throws HoldfastError when they are not what Alipay made for this key: it would refuse every call */
function readCertificates(
  { app, alipay, root }: AlipayCertificates,
  privateKey: KeyObject,
): Pick<AlipaySdkConfig, 'appCertContent' | 'alipayPublicCertContent' | 'alipayRootCertContent'> {
  if (!new X509Certificate(app).checkPrivateKey(privateKey)) {
    throw notConfigured("the application's certificate is of another private key");
  }
  return { appCertContent: app, alipayPublicCertContent: alipay, alipayRootCertContent: root };
}

function notConfigured(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError('channel_not_configured', { message: `alipay: ${message}`, cause });
}
