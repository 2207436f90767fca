/** Reading Markdown as the tests of the documents need it. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

const isFolder = (name: string): boolean =>
  !name.startsWith('.') && !['node_modules', 'dist', 'coverage'].includes(name);

/** The folders of the tree's first level. */
export const FOLDERS = readdirSync(ROOT, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && isFolder(entry.name))
  .map(({ name }) => name);

/** A heading's text, up to the next heading of its level. */
export function section(document: string, heading: string): string {
  const start = document.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`there is no heading "${heading}"`);
  const level = heading.slice(0, heading.indexOf(' '));
  const end = document.indexOf(`\n${level} `, start + heading.length);
  return document.slice(start, end < 0 ? undefined : end);
}

/** The cells of every row of the tables in a text, heads included. */
export function tableRows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** What stands in backticks. */
export function codes(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code ?? '');
}
