import { sign, verify, type KeyObject } from 'node:crypto';

/** Alipay's parameters, from the query and the form body alike. */
export type Params = Readonly<Record<string, string>>;

const ALGORITHM = 'RSA-SHA256';

/** Reads the parameters of a call: those of the URL's query and those of the form body together. */
export function readParams(originalUrl: string, body: string): Params {
  const mark = originalUrl.indexOf('?');
  const query = mark < 0 ? '' : originalUrl.slice(mark + 1);
  return { ...fromForm(query), ...fromForm(body) };
}

/** Decodes `k=v&...`; of a name that stands twice, the last value counts. */
export function fromForm(text: string): Params {
  return Object.fromEntries(new URLSearchParams(text));
}

/** The text that Alipay signs: every non-empty parameter but the ones left out, sorted, not url-encoded. */
export function signedText(params: Params, leaveOut: readonly string[]): string {
  return Object.keys(params)
    .filter((name) => params[name] !== '' && !leaveOut.includes(name))
    .sort()
    .map((name) => `${name}=${params[name]}`)
    .join('&');
}

/** RSA2: RSA-SHA256, PKCS#1 v1.5, base64. */
function signText(text: string, key: KeyObject): string {
  return sign(ALGORITHM, Buffer.from(text), key).toString('base64');
}

export function verifyText(text: string, signature: string, key: KeyObject): boolean {
  return verify(ALGORITHM, Buffer.from(text), key, Buffer.from(signature, 'base64'));
}

/** Signs parameters for the merchant; neither `sign` nor `sign_type` is part of the text (notify, return). */
export function signParams(params: Params, key: KeyObject): Params {
  const whole = { ...params, sign_type: 'RSA2' };
  return { ...whole, sign: signText(signedText(whole, ['sign', 'sign_type']), key) };
}

/**
 * Writes an answer. The signature covers the inner object's text exactly as it is sent, and Alipay escapes
 * slashes, so a client that parses and serialises again before it verifies is found out here.
 * @param certSn in certificate mode, which of Alipay's certificates the signature is of
 */
export function answerText(key: string, inner: object, privateKey: KeyObject, certSn: string | null): string {
  const text = JSON.stringify(inner).replaceAll('/', '\\/');
  const named = certSn === null ? '' : `"alipay_cert_sn":"${certSn}",`;
  return `{"${key}":${text},${named}"sign":"${signText(text, privateKey)}"}`;
}

/** `alipay.trade.query` is answered under `alipay_trade_query_response`. */
export function answerKey(method: string | undefined): string {
  return method && /^[a-z][a-z.]*$/.test(method)
    ? `${method.replaceAll('.', '_')}_response`
    : 'error_response';
}
