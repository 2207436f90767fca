/** Reads a request's body: bytes, within the limit, then JSON or a form. */
import express from 'express';
import { HoldfastError } from '../domain/errors.js';
import { invalid, parseForm, parseJson } from './json.js';

const MAX_BODY_BYTES = 256 * 1024;

const readRaw = express.raw({ type: () => true, limit: MAX_BODY_BYTES, inflate: false });
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * @returns the raw bytes, as signatures are made over; empty when there is no body
 * @throws HoldfastError `payload_too_large`; `invalid_request` for a compressed or broken-off body
 */
export async function readBytes(request: express.Request, response: express.Response): Promise<Buffer> {
  await new Promise<void>((resolve, reject) => {
    readRaw(request, response, (error?: unknown) => {
      if (error === undefined) resolve();
      else reject(bodyError(error));
    });
  });
  const body: unknown = request.body;
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

function bodyError(error: unknown): unknown {
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
  if (type === 'entity.too.large') {
    return new HoldfastError('payload_too_large', {
      message: `a body has at most ${MAX_BODY_BYTES} bytes`,
      cause: error,
    });
  }
  if (type === 'encoding.unsupported') return invalid('header', 'content-encoding', 'must be left out');
  if (typeof type === 'string') return invalid('body', '', 'could not be read');
  return error;
}

export interface SentBody {
  /** Undefined when nothing was sent. */
  value: unknown;
  /** A form has only texts, so its numbers are read by what the schema wants. */
  form: boolean;
}

/** @throws HoldfastError `invalid_request` */
export function parseBody(bytes: Buffer, contentType: string | undefined): SentBody {
  if (bytes.length === 0) return { value: undefined, form: false };
  const [mediaType = '', ...parameters] = (contentType ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length);
  if (charset !== undefined && !['utf-8', '"utf-8"', 'utf8'].includes(charset)) {
    throw invalid('header', 'content-type', 'must have the charset utf-8');
  }
  if (mediaType === 'application/x-www-form-urlencoded')
    return { value: parseForm(textOf(bytes), 'body'), form: true };
  if (mediaType === 'application/json' || /^application\/[\w.-]+\+json$/.test(mediaType)) {
    return { value: parseJson(textOf(bytes)), form: false };
  }
  throw invalid('header', 'content-type', 'must be application/json or application/x-www-form-urlencoded');
}

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid('body', '', 'is not valid UTF-8');
  }
}
