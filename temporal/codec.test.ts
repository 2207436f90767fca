import type { Payload } from '@temporalio/common';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { payloadCodec } from './codec.js';
import { dataConverterOf } from './connect.js';

const OLD = 'a'.repeat(64);
const NEW = Buffer.alloc(32, 7).toString('base64');

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (given: Uint8Array | null | undefined): string => new TextDecoder().decode(given ?? undefined);
const SECRET: Payload = { metadata: { encoding: bytes('json/plain') }, data: bytes('"13500000000"') };

async function sealed(keys: string, payload = SECRET): Promise<Payload> {
  const [first] = await payloadCodec(keys).encode([payload]);
  if (first === undefined) throw new Error('a codec answers as many payloads as it was given');
  return first;
}

describe('PAYLOAD_KEY', () => {
  it('hides a payload and its metadata, and opens it again', async () => {
    const hidden = await sealed(OLD);
    expect(text(hidden.metadata?.['encoding'])).toBe('binary/encrypted');
    expect(Buffer.from(hidden.data ?? []).includes('13500000000')).toBe(false);
    expect(Object.keys(hidden.metadata ?? {}).sort()).toEqual(['encoding', 'key-id']);
    expect(await payloadCodec(OLD).decode([hidden])).toEqual([SECRET]);
  });

  it('opens whatever it sealed', async () => {
    const codec = payloadCodec(OLD);
    const data = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(
        data,
        fc.dictionary(fc.stringMatching(/^[a-z-]{1,9}$/), data, { maxKeys: 3 }),
        async (body, metadata) => {
          const payload = { metadata, data: body };
          const [opened] = await codec.decode(await codec.encode([payload]));
          expect(Buffer.from(opened?.data ?? []).equals(Buffer.from(body))).toBe(true);
          expect(Object.keys(opened?.metadata ?? {}).sort()).toEqual(Object.keys(metadata).sort());
        },
      ),
    );
  });

  it('seals a result that is undefined, whose empty data is a plain array', async () => {
    const nothing = { metadata: { encoding: bytes('binary/null') }, data: [] as unknown as Uint8Array };
    const [opened] = await payloadCodec(OLD).decode([await sealed(OLD, nothing)]);
    expect([text(opened?.metadata?.['encoding']), opened?.data?.length]).toEqual(['binary/null', 0]);
  });

  it('never seals the same payload the same way twice', async () => {
    expect((await sealed(OLD)).data).not.toEqual((await sealed(OLD)).data);
  });

  it('rotates: the first key seals, all of them open', async () => {
    const [before, after] = [await sealed(OLD), await sealed(`${NEW}, ${OLD}`)];
    expect(await payloadCodec(`${NEW},${OLD}`).decode([before, after])).toEqual([SECRET, SECRET]);
    expect(await payloadCodec(NEW).decode([after])).toEqual([SECRET]);
    expect(() => payloadCodec(OLD).decode([after])).toThrow(
      /was sealed with key [0-9a-f]{8}, which PAYLOAD_KEY does not hold/,
    );
  });

  it('leaves histories from before it was set readable', async () => {
    expect(await payloadCodec(OLD).decode([SECRET])).toEqual([SECRET]);
  });

  it.each([0, 12, 20, -1])('notices a change of byte %d', async (at) => {
    const hidden = await sealed(OLD);
    const data = Uint8Array.from(hidden.data ?? []);
    const index = at < 0 ? data.length + at : at;
    data[index] = (data[index] ?? 0) ^ 1;
    expect(() => payloadCodec(OLD).decode([{ ...hidden, data }])).toThrow();
  });

  it.each(['', 'short', 'a'.repeat(63), 'a'.repeat(66), `${OLD},`, Buffer.alloc(31).toString('base64')])(
    'is refused when it is no list of 32-byte keys: %j',
    (keys) => {
      expect(() => payloadCodec(keys)).toThrow('32 bytes');
    },
  );

  it('is off when it is not set', () => {
    const settings = { address: '', namespace: 'default' };
    expect(dataConverterOf({ ...settings, payloadKey: undefined })).toEqual({});
    expect(dataConverterOf({ ...settings, payloadKey: OLD }).payloadCodecs).toHaveLength(1);
  });
});
