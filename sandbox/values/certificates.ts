import { createHash, sign, type KeyObject } from 'node:crypto';

/** A name in a certificate, from the country down. ASCII. */
export interface DistinguishedName {
  readonly country: string;
  readonly organization: string;
  readonly commonName: string;
}

export interface CertificateOrder {
  readonly subject: DistinguishedName;
  readonly publicKey: KeyObject;
  /** Who signs it; for a root, its subject and its own key. */
  readonly issuer: DistinguishedName;
  readonly issuerKey: KeyObject;
  /** Whether it may sign others. */
  readonly isRoot: boolean;
}

const OID = {
  sha256WithRsa: '2a864886f70d01010b',
  country: '550406',
  organization: '55040a',
  commonName: '550403',
  basicConstraints: '551d13',
} as const;

// A certificate is made again at each start, so it says the same each time. UTCTime ends in 2049.
const VALID = ['240101000000Z', '491231235959Z'] as const;

/**
 * Makes an X.509 certificate of an RSA key (RFC 5280, in DER), which Node reads but cannot write. The same order gives
 * the same certificate, serial number included.
 * @returns PEM
 */
export function certificatePem({ subject, publicKey, issuer, issuerKey, isRoot }: CertificateOrder): string {
  const algorithm = sequence(oid(OID.sha256WithRsa), der(0x05));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const truth = der(0x01, Buffer.from([0xff]));
  const constraints = sequence(oid(OID.basicConstraints), truth, der(0x04, sequence(truth)));
  const content = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(serialOf(spki)),
    algorithm,
    name(issuer),
    sequence(...VALID.map((time) => der(0x17, Buffer.from(time)))),
    name(subject),
    spki,
    ...(isRoot ? [der(0xa3, sequence(constraints))] : []),
  );
  const signature = sign('RSA-SHA256', content, issuerKey);
  const whole = sequence(content, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

/** 16 bytes that stand for the key: positive, and not shortened by a leading zero. */
function serialOf(spki: Buffer): Buffer {
  const bytes = createHash('sha256').update(spki).digest().subarray(0, 16);
  bytes.writeUInt8(0x40 | (bytes.readUInt8() & 0x3f));
  return bytes;
}

function name({ country, organization, commonName }: DistinguishedName): Buffer {
  const part = (type: string, text: string): Buffer =>
    der(0x31, sequence(oid(type), der(0x13, Buffer.from(text))));
  return sequence(
    part(OID.country, country),
    part(OID.organization, organization),
    part(OID.commonName, commonName),
  );
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts);
const integer = (bytes: Buffer): Buffer => der(0x02, bytes);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));

/** Tag, length, content. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function lengthOf(count: number): Buffer {
  if (count < 0x80) return Buffer.from([count]);
  const hex = count.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}
