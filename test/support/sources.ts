/** The project's own source files, with what they import: read as text, so that no compiler stands between. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = /\.(?:ts|mts|mjs|js)$/;

export interface Source {
  /** From the root, with `/`. */
  file: string;
  text: string;
  /** The text without its comments; lines keep their numbers. */
  code: string;
  lines: number;
}

export interface Import {
  /** As it is written, such as `../db/client.js`. */
  from: string;
  typeOnly: boolean;
}

/** Blanks comments, and leaves strings as they are. A `//` inside a string or a template is no comment. */
export function withoutComments(text: string): string {
  const piece =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*(?=\s*[.,;)\]}])/g;
  return text.replace(piece, (found) =>
    found.startsWith('//') || found.startsWith('/*') ? found.replace(/[^\n]/g, ' ') : found,
  );
}

const STATIC = /^\s*(?:import|export)\s+(type\s)?(?:[\w*{}\s,$]*?\sfrom\s*)?['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]/g;

/** What a file imports, re-exports or loads. */
export function importsOf(code: string): Import[] {
  return [
    ...[...code.matchAll(STATIC)].map(([, type, from = '']) => ({ from, typeOnly: type !== undefined })),
    ...[...code.matchAll(DYNAMIC)].map(([, from = '']) => ({ from, typeOnly: false })),
  ];
}

/** The file that a relative import names, from the root; undefined for a package. */
export function resolveImport(file: string, from: string): string | undefined {
  if (!from.startsWith('.')) return undefined;
  return path.posix.normalize(path.posix.join(path.posix.dirname(file), from));
}

/** Tests, and what only tests use: `test/`, `x.test.ts`, `test-support.ts` and its like. */
export function isTest(file: string): boolean {
  return /(?:^|\/)test\/|\.test\.ts$|(?:^|\/)test-[^/]*\.m?ts$/.test(file);
}

function read(file: string): Source {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  return { file, text, code: withoutComments(text), lines: text.split('\n').length - 1 };
}

const NOT_OURS = new Set(['node_modules', 'dist', 'coverage']);

function filesUnder(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name);
    if (entry.isDirectory())
      return entry.name.startsWith('.') || NOT_OURS.has(entry.name) ? [] : filesUnder(file);
    return entry.isFile() && SOURCE.test(entry.name) ? [file] : [];
  });
}

/** Every source file of the checkout. */
export function readSources(): Source[] {
  return filesUnder('.').map(read);
}
