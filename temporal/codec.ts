import type { Payload, PayloadCodec } from '@temporalio/common';
import { keyRing } from './key-ring.js';

const ENCODING = 'binary/encrypted';
const text = new TextEncoder();
const plain = new TextDecoder();

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
  const ring = keyRing(keys);
  const seal = (payload: Payload): Payload => {
    const { keyId, data } = ring.seal(pack(payload));
    return {
      metadata: { encoding: text.encode(ENCODING), 'key-id': text.encode(keyId) },
      data: new Uint8Array(data),
    };
  };
  const open = (payload: Payload): Payload => {
    const { encoding, 'key-id': keyId } = payload.metadata ?? {};
    // Histories from before encryption was switched on stay readable.
    if (encoding === undefined || plain.decode(encoding) !== ENCODING) return payload;
    const id = keyId === undefined ? '' : plain.decode(keyId);
    const data = Buffer.from(payload.data ?? new Uint8Array());
    return unpack(ring.open({ keyId: id, data }, 'a payload'));
  };
  return {
    encode: (payloads) => Promise.resolve(payloads.map(seal)),
    decode: (payloads) => Promise.resolve(payloads.map(open)),
  };
}
