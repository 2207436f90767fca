/** What the documents of the dialects print: requests, and what a client relies on in their answers. */
import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { SendOptions } from '../../api/test-support.js';

type Fields = Record<string, unknown>;

interface Golden {
  /** Values that begin with $ are places, which a test fills in. */
  request: Fields;
  response: Fields;
}

/** By the names of the calls. */
export async function readGolden(
  dialect: 'market' | 'campus' | 'course' | 'factory',
): Promise<Record<string, Golden>> {
  const path = new URL(`../../api/dialects/${dialect}/golden/document.json`, import.meta.url);
  return JSON.parse(await readFile(path, 'utf8')) as Record<string, Golden>;
}

/** What the document of `factory` prints, with its words for places filled in. */
export async function readPrintedActions(): Promise<string[]> {
  const path = new URL('../../api/dialects/factory/golden/actions.json', import.meta.url);
  return JSON.parse(await readFile(path, 'utf8')) as string[];
}

/** Each field of the document is there, and of its type. */
export function expectDocumented(given: unknown, documented: unknown, at: string): void {
  if (documented === null) {
    // Of this the document shows the empty case alone.
    expect([at, given === undefined]).toEqual([at, false]);
  } else if (Array.isArray(documented)) {
    expect([at, Array.isArray(given)]).toEqual([at, true]);
    if (documented.length > 0) expectDocumented((given as unknown[])[0], documented[0], `${at}[0]`);
  } else if (typeof documented === 'object') {
    expect([at, typeof given, given === null]).toEqual([at, 'object', false]);
    for (const [name, value] of Object.entries(documented))
      expectDocumented((given as Fields)[name], value, `${at}.${name}`);
  } else {
    expect([at, typeof given]).toEqual([at, typeof documented]);
  }
}

export const WAYS_TO_SEND = ['json', 'form'] as const;

export function sentAs(how: (typeof WAYS_TO_SEND)[number], body: Fields): SendOptions {
  if (how === 'json') return { body };
  const form = Object.entries(body).map(([field, value]): [string, string] => [field, String(value)]);
  return {
    raw: new URLSearchParams(form).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  };
}
