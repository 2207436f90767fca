import { fieldsOf, headerOf, hmac, isSame, sha256, type SignedRequest } from './signatures.js';

const ALGORITHM = 'TC3-HMAC-SHA256';
const CLOCK_WINDOW_S = 300;

/** A refusal of Tencent's, which is an HTTP 200 like everything it answers. */
export class TencentRefusal extends Error {
  override readonly name = 'TencentRefusal';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface TencentKeys {
  readonly secretId: string;
  readonly secretKey: string;
}

/** @throws TencentRefusal `AuthFailure...` */
export function authenticate(request: SignedRequest, keys: TencentKeys): void {
  const authorization = headerOf(request, 'authorization');
  const fields = fieldsOf(authorization);
  const [secretId, date = '', service = '', end] = (fields.get('Credential') ?? '').split('/');
  if (!authorization.startsWith(`${ALGORITHM} `) || end !== 'tc3_request') {
    throw new TencentRefusal('AuthFailure.InvalidAuthorization', 'The Authorization header is not valid.');
  }
  if (secretId !== keys.secretId) {
    throw new TencentRefusal('AuthFailure.SecretIdNotFound', 'The SecretId is not found.');
  }
  const timestamp = headerOf(request, 'x-tc-timestamp');
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(Date.now() / 1_000 - Number(timestamp)) > CLOCK_WINDOW_S) {
    throw new TencentRefusal(
      'AuthFailure.SignatureExpire',
      'The time of the signature differs by more than 5 minutes.',
    );
  }
  const isToday = new Date(Number(timestamp) * 1_000).toISOString().startsWith(`${date}T`);
  const scope = { date, service, timestamp, secretKey: keys.secretKey };
  const signed = (fields.get('SignedHeaders') ?? '').split(';');
  const wanted = hostsOf(request).map((host) => signatureOf(request, signed, host, scope));
  const mustBeSigned = ['content-type', 'host'].every((name) => signed.includes(name));
  if (!isToday || !mustBeSigned || !wanted.some((one) => isSame(fields.get('Signature') ?? '', one))) {
    throw new TencentRefusal(
      'AuthFailure.SignatureFailure',
      'The provided credentials could not be validated. Please check your signature is correct.',
    );
  }
}

/** Tencent's own library for Node signs the host without its port, others sign the header as it is. */
function hostsOf(request: SignedRequest): string[] {
  const host = headerOf(request, 'host');
  return [host, host.replace(/:\d+$/, '')];
}

function signatureOf(
  request: SignedRequest,
  signed: readonly string[],
  host: string,
  scope: { date: string; service: string; timestamp: string; secretKey: string },
): string {
  const text = [
    request.method,
    request.path,
    request.query,
    ...signed.map((name) => `${name}:${(name === 'host' ? host : headerOf(request, name)).toLowerCase()}`),
    '',
    signed.join(';'),
    sha256(request.body),
  ].join('\n');
  const { date, service, timestamp, secretKey } = scope;
  const key = hmac(hmac(hmac(`TC3${secretKey}`, date), service), 'tc3_request');
  return hmac(
    key,
    [ALGORITHM, timestamp, `${date}/${service}/tc3_request`, sha256(text)].join('\n'),
  ).toString('hex');
}
