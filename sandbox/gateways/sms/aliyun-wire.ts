import { fieldsOf, headerOf, hmac, isSame, sha256, type SignedRequest } from './signatures.js';

const ALGORITHM = 'ACS3-HMAC-SHA256';
const CLOCK_WINDOW_MS = 15 * 60_000;
const REMEMBERED_NONCES = 10_000;

/** A refusal of Alibaba's gateway, before the service behind it is asked: it has an HTTP status of its own. */
export class AliyunRefusal extends Error {
  override readonly name = 'AliyunRefusal';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface AliyunKeys {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** Checks signatures of Alibaba's third version, each nonce once. */
export class AliyunGate {
  readonly #keys: AliyunKeys;
  readonly #nonces = new Set<string>();

  constructor(keys: AliyunKeys) {
    this.#keys = keys;
  }

  /** @throws AliyunRefusal */
  admit(request: SignedRequest): void {
    const authorization = headerOf(request, 'authorization');
    if (!authorization.startsWith(`${ALGORITHM} `)) {
      throw new AliyunRefusal(400, 'MissingAuthorization', `Authorization must be of ${ALGORITHM}.`);
    }
    const fields = fieldsOf(authorization);
    if (fields.get('Credential') !== this.#keys.accessKeyId) {
      throw new AliyunRefusal(404, 'InvalidAccessKeyId.NotFound', 'Specified access key is not found.');
    }
    const age = Math.abs(Date.now() - Date.parse(headerOf(request, 'x-acs-date')));
    if (!(age <= CLOCK_WINDOW_MS)) {
      throw new AliyunRefusal(
        400,
        'InvalidTimeStamp.Expired',
        'Specified time stamp or date value is expired.',
      );
    }
    if (!this.#isSigned(request, fields)) {
      throw new AliyunRefusal(
        403,
        'SignatureDoesNotMatch',
        'Specified signature is not matched with our calculation.',
      );
    }
    this.#useUp(headerOf(request, 'x-acs-signature-nonce'));
  }

  #isSigned(request: SignedRequest, fields: ReadonlyMap<string, string>): boolean {
    const contentHash = headerOf(request, 'x-acs-content-sha256');
    const signed = (fields.get('SignedHeaders') ?? '').split(';');
    const mustBeSigned = [
      'host',
      ...Object.keys(request.headers).filter((name) => name.startsWith('x-acs-')),
    ];
    if (contentHash !== sha256(request.body) || !mustBeSigned.every((name) => signed.includes(name))) {
      return false;
    }
    const text = [
      request.method,
      request.path,
      canonicalQuery(request.query),
      // The host's value holds the port, unlike Tencent's.
      ...signed.map((name) => `${name}:${headerOf(request, name)}`),
      '',
      signed.join(';'),
      contentHash,
    ].join('\n');
    const wanted = hmac(this.#keys.accessKeySecret, `${ALGORITHM}\n${sha256(text)}`).toString('hex');
    return isSame(fields.get('Signature') ?? '', wanted);
  }

  #useUp(nonce: string): void {
    if (nonce === '' || this.#nonces.has(nonce)) {
      throw new AliyunRefusal(400, 'SignatureNonceUsed', 'Specified signature nonce was used already.');
    }
    this.#nonces.add(nonce);
    const [oldest] = this.#nonces;
    if (this.#nonces.size > REMEMBERED_NONCES && oldest !== undefined) this.#nonces.delete(oldest);
  }
}

/** Names and values of a query or a form. */
export function parametersOf(text: string): Map<string, string> {
  return new Map(new URLSearchParams(text));
}

function canonicalQuery(query: string): string {
  return [...parametersOf(query)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .join('&');
}

/** RFC 3986: what JavaScript leaves as it is and the RFC does not is escaped too. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
