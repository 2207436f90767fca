/**
 * Temporal's remote codec: its UI and its command line have payloads opened, and sealed, over HTTP, so that the keys
 * stay here. The protocol is Temporal's own (docs.temporal.io/codec-server): protobuf's JSON both ways.
 */
import type { Payload, PayloadCodec } from '@temporalio/common';
import { z } from 'zod';
import { HoldfastError } from '../domain/errors.js';
import { payloadCodec } from '../temporal/codec.js';
import { anyOf, backend, operator } from './access.js';
import { type Endpoint, endpoint } from './endpoint.js';

// Protobuf's JSON takes both alphabets, with or without padding.
const bytes = z.string().regex(/^[\w+/-]*={0,2}$/, 'must be base64');

const payload = z.object({
  metadata: z.record(z.string(), bytes).default({}),
  data: bytes.default(''),
});

const payloads = z.object({ payloads: z.array(payload).default([]) }).meta({
  id: 'TemporalPayloads',
  description: 'Payloads as Temporal keeps them; every value is base64.',
  example: { payloads: [{ metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: 'eyJvcmRlck5vIjoiMSJ9' }] },
});

type JsonPayload = z.output<typeof payload>;

const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const toBase64 = (value: Uint8Array | null | undefined): string =>
  Buffer.from(value ?? []).toString('base64');

function fromJson({ metadata, data }: JsonPayload): Payload {
  return {
    metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, fromBase64(value)])),
    data: fromBase64(data),
  };
}

function toJson({ metadata, data }: Payload): JsonPayload {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([name, value]) => [name, toBase64(value)]),
    ),
    data: toBase64(data),
  };
}

/** What cannot be opened is the caller's fault: a key that is not here any more, or a payload that was changed. */
async function converted(work: () => Promise<Payload[]>): Promise<{ payloads: JsonPayload[] }> {
  try {
    return { payloads: (await work()).map(toJson) };
  } catch (cause) {
    const isUnknownKey = cause instanceof Error && cause.message.includes('PAYLOAD_KEY');
    const why = isUnknownKey ? cause.message : 'a payload cannot be opened: it was changed or cut';
    throw new HoldfastError('invalid_request', { message: why, details: { in: 'body', field: 'payloads' } });
  }
}

/** @param keys PAYLOAD_KEY; undefined where nothing is sealed, and then there are no such routes */
export function codecEndpoints(keys: string | undefined): readonly Endpoint[] {
  if (keys === undefined) return [];
  const codec: PayloadCodec = payloadCodec(keys);
  const route = (verb: 'encode' | 'decode', summary: string): Endpoint =>
    endpoint({
      method: 'post',
      path: `/codec/${verb}`,
      access: anyOf(operator, backend('admin')),
      tag: 'operations',
      summary,
      description:
        "For Temporal's UI and command line, which append the verb to the address of a codec: `/codec` here. " +
        'One ring of keys serves every namespace, so `X-Namespace` is not looked at.',
      body: payloads,
      responses: { 200: { description: 'As many payloads, in the same order.', schema: payloads } },
      handler: async (_context, { body }) => ({
        status: 200,
        body: await converted(() => codec[verb](body.payloads.map(fromJson))),
      }),
    });
  return [
    route('encode', 'Seal payloads for Temporal'),
    route('decode', 'Open payloads that Temporal keeps'),
  ];
}
