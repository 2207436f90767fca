/** PAYLOAD_KEY: what it seals can be read by whoever has it, and was changed by nobody. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

interface Key {
  /** The first 8 hex digits of the key's SHA-256: says which key sealed something, and nothing more. */
  id: string;
  bytes: Buffer;
}

export interface Sealed {
  keyId: string;
  data: Buffer;
}

export interface KeyRing {
  /** @param place binds what is sealed to where it is kept: elsewhere it does not open */
  seal(plain: Buffer, place?: string): Sealed;
  /** @throws Error that names the key where the ring does not hold it; and where a byte was changed */
  open(sealed: Sealed, what: string, place?: string): Buffer;
}

function readKey(given: string): Key {
  const bytes = /^[0-9a-f]{64}$/i.test(given) ? Buffer.from(given, 'hex') : Buffer.from(given, 'base64');
  if (bytes.length !== 32)
    throw new Error('PAYLOAD_KEY: each key is 32 bytes, as 64 hex digits or as base64');
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), bytes };
}

/** @param keys one key or several, separated by commas. The first one seals, all of them open. */
export function keyRing(keys: string): KeyRing {
  const ring = keys.split(',').map((key) => readKey(key.trim()));
  const [current] = ring;
  if (current === undefined) throw new Error('PAYLOAD_KEY: names no key');
  return {
    seal(plain, place = '') {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, current.bytes, nonce).setAAD(Buffer.from(place));
      const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
      return { keyId: current.id, data: Buffer.concat([nonce, sealed, cipher.getAuthTag()]) };
    },
    open({ keyId, data }, what, place = '') {
      const key = ring.find((candidate) => candidate.id === keyId);
      if (key === undefined) {
        throw new Error(`${what} was sealed with key ${keyId}, which PAYLOAD_KEY does not hold`);
      }
      const decipher = createDecipheriv(CIPHER, key.bytes, data.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(place))
        .setAuthTag(data.subarray(data.length - TAG_BYTES));
      const sealed = data.subarray(NONCE_BYTES, data.length - TAG_BYTES);
      return Buffer.concat([decipher.update(sealed), decipher.final()]);
    },
  };
}

const SEALED = /^sealed:([0-9a-f]{8}):([0-9A-Za-z+/=]+)$/;

/**
 * A secret as a column keeps it. Without PAYLOAD_KEY it stands there as it is.
 * @param place such as the row's id, so that nobody can move one secret to another row
 */
export function sealText(keys: string | undefined, text: string, place: string): string {
  if (keys === undefined) return text;
  const { keyId, data } = keyRing(keys).seal(Buffer.from(text), place);
  return `sealed:${keyId}:${data.toString('base64')}`;
}

/** @throws Error where PAYLOAD_KEY does not hold the key that sealed it */
export function openText(keys: string | undefined, kept: string, place: string): string {
  const [, keyId, data] = SEALED.exec(kept) ?? [];
  if (keyId === undefined || data === undefined) return kept;
  if (keys === undefined)
    throw new Error(`a secret was sealed with key ${keyId}, and PAYLOAD_KEY is not set`);
  return keyRing(keys)
    .open({ keyId, data: Buffer.from(data, 'base64') }, 'a secret', place)
    .toString();
}
