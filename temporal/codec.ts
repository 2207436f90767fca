import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';

const ENCODING = 'binary/encrypted';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const text = new TextEncoder();
const plain = new TextDecoder();

interface Key {
  /** The first 8 hex digits of the key's SHA-256: says which key sealed a payload, and nothing more. */
  id: string;
  bytes: Buffer;
}

function readKey(given: string): Key {
  const bytes = /^[0-9a-f]{64}$/i.test(given) ? Buffer.from(given, 'hex') : Buffer.from(given, 'base64');
  if (bytes.length !== 32)
    throw new Error('PAYLOAD_KEY: each key is 32 bytes, as 64 hex digits or as base64');
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), bytes };
}

/** The sealed form of a payload: its metadata and data, written one after the other with the metadata's length. */
function pack(payload: Payload): Buffer {
  const metadata = Object.fromEntries(
    Object.entries(payload.metadata ?? {}).map(([name, value]) => [
      name,
      Buffer.from(value).toString('base64'),
    ]),
  );
  const head = Buffer.from(JSON.stringify(metadata));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  // The empty data of a result that is undefined comes from the workflow as a plain array.
  return Buffer.concat([length, head, Buffer.from(payload.data ?? [])]);
}

function unpack(packed: Buffer): Payload {
  const length = packed.readUInt32BE(0);
  const metadata = JSON.parse(packed.subarray(4, 4 + length).toString()) as Record<string, string>;
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => [name, new Uint8Array(Buffer.from(value, 'base64'))]),
    ),
    data: new Uint8Array(packed.subarray(4 + length)),
  };
}

/**
 * Encrypts what Temporal stores: arguments, results, memos and summaries. Workflow ids, activity ids and search
 * attributes stay readable, so nothing personal goes into them.
 * @param keys PAYLOAD_KEY: one key or several, separated by commas. The first one seals, all of them open: to
 *   rotate, put the new key in front on every process and keep the old one as long as histories live.
 */
export function payloadCodec(keys: string): PayloadCodec {
  const ring = keys.split(',').map((key) => readKey(key.trim()));
  const [current] = ring;
  if (current === undefined) throw new Error('PAYLOAD_KEY: names no key');
  const seal = (payload: Payload): Payload => {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, current.bytes, nonce);
    const sealed = Buffer.concat([cipher.update(pack(payload)), cipher.final()]);
    return {
      metadata: { encoding: text.encode(ENCODING), 'key-id': text.encode(current.id) },
      data: new Uint8Array(Buffer.concat([nonce, sealed, cipher.getAuthTag()])),
    };
  };
  const open = (payload: Payload): Payload => {
    const { encoding, 'key-id': keyId } = payload.metadata ?? {};
    // Histories from before encryption was switched on stay readable.
    if (encoding === undefined || plain.decode(encoding) !== ENCODING) return payload;
    const id = keyId === undefined ? '' : plain.decode(keyId);
    const key = ring.find((candidate) => candidate.id === id);
    if (key === undefined)
      throw new Error(`a payload was sealed with key ${id}, which PAYLOAD_KEY does not hold`);
    const data = Buffer.from(payload.data ?? new Uint8Array());
    const decipher = createDecipheriv(CIPHER, key.bytes, data.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(data.subarray(data.length - TAG_BYTES));
    const sealed = data.subarray(NONCE_BYTES, data.length - TAG_BYTES);
    return unpack(Buffer.concat([decipher.update(sealed), decipher.final()]));
  };
  return {
    encode: (payloads) => Promise.resolve(payloads.map(seal)),
    decode: (payloads) => Promise.resolve(payloads.map(open)),
  };
}
