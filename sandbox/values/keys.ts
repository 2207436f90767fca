import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { z } from 'zod';
import { StartError } from '../config.js';
import { parsedJson } from './json.js';

/** One RSA-2048 pair and where its two PEM files are. */
export interface RsaPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly publicPem: string;
  readonly privatePath: string;
  readonly publicPath: string;
}

const generate = promisify(generateKeyPair);

/** A pair that is on no disk: what a forger would sign with. */
export async function throwawayKey(): Promise<KeyObject> {
  const pair = await generate('rsa', { modulusLength: 2048 });
  return pair.privateKey;
}

/** Reads `<name>-private.pem` (PKCS#8) from the folder, or makes it, and keeps the public half beside it. */
export async function rsaPair(folder: string, name: string): Promise<RsaPair> {
  const privatePath = join(folder, `${name}-private.pem`);
  const publicPath = join(folder, `${name}-public.pem`);
  let pem = await readIfThere(privatePath);
  if (pem === null) {
    const fresh = await throwawayKey();
    pem = fresh.export({ type: 'pkcs8', format: 'pem' }).toString();
    await writeWhole(privatePath, pem);
  }
  const privateKey = createPrivateKey(pem);
  const publicKey = createPublicKey(privateKey);
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  // The public half is derived each time, so the two files cannot disagree after a crash between them.
  await writeWhole(publicPath, publicPem);
  return { privateKey, publicKey, publicPem, privatePath, publicPath };
}

/** Reads `<name>.json` from the folder, or makes it once: app ids, merchant ids, symmetric keys. */
export async function account<T>(
  folder: string,
  name: string,
  schema: z.ZodType<T>,
  make: () => T,
): Promise<T> {
  const path = join(folder, `${name}.json`);
  const text = await readIfThere(path);
  if (text !== null) {
    const read = schema.safeParse(parsedJson(text));
    if (!read.success) throw new StartError(`${path} is damaged; move it away and start again.`);
    return read.data;
  }
  const fresh = make();
  await writeWhole(path, `${JSON.stringify(fresh, null, 2)}\n`);
  return fresh;
}

/** Writes a file of secrets (mode 0600) so that a crash leaves the old one or the new one, never half of one. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** Makes a folder for keys and state, readable by its owner alone, inside one that is open as usual. */
export async function privateFolder(path: string): Promise<void> {
  // Others live in the outer folder too (a database that runs as a user of its own), so it is not locked up.
  await mkdir(dirname(path), { recursive: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** The file's text, or null when there is no such file. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
