/** Files that a provider could send for a bill, good or damaged, and somewhere to fetch them from. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import iconv from 'iconv-lite';
import { ZipFile } from 'yazl';

export interface FileServer {
  /** With a slash at its end. */
  url: string;
  /** By path, without the slash in front; a number is a status without a file. */
  files: Map<string, Buffer | number>;
  stop(): Promise<void>;
}

export async function startFileServer(): Promise<FileServer> {
  const files = new Map<string, Buffer | number>();
  const server = createServer((request, response) => {
    const found = files.get((request.url ?? '').slice(1)) ?? 404;
    if (typeof found === 'number') response.writeHead(found, { location: '/' }).end();
    else response.end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    files,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A ZIP of texts in GBK by names in UTF-8, and in GBK too where `isGbkNamed` says so, as Alipay writes them. */
export async function zipOf(texts: Record<string, string>, isGbkNamed = false): Promise<Buffer> {
  const zip = new ZipFile();
  const names = Object.keys(texts);
  // The library writes names in UTF-8 only, so others of the same length in bytes are put in their place.
  const placeholderOf = (name: string): string => 'x'.repeat(iconv.encode(name, 'gbk').length);
  for (const name of names) {
    zip.addBuffer(iconv.encode(texts[name] ?? '', 'gbk'), isGbkNamed ? placeholderOf(name) : name, {
      mtime: new Date('2026-06-06T09:00:00+08:00'),
    });
  }
  zip.end();
  const parts: Buffer[] = [];
  for await (const part of zip.outputStream) parts.push(part as Buffer);
  const whole = Buffer.concat(parts);
  if (isGbkNamed) for (const name of names) renameToGbk(whole, placeholderOf(name), name);
  return whole;
}

const HEADERS = [
  { signature: 0x04034b50, flags: 6, name: 30 },
  { signature: 0x02014b50, flags: 8, name: 46 },
];

/** The first entry that still has its placeholder, in both places where a ZIP names it. */
function renameToGbk(zip: Buffer, placeholder: string, name: string): void {
  for (const { signature, flags, name: offset } of HEADERS) {
    for (let at = 0; at + offset < zip.length; at += 1) {
      const end = at + offset + placeholder.length;
      if (zip.readUInt32LE(at) !== signature || zip.toString('latin1', at + offset, end) !== placeholder)
        continue;
      zip.writeUInt16LE(zip.readUInt16LE(at + flags) & ~0x800, at + flags);
      iconv.encode(name, 'gbk').copy(zip, at + offset);
      break;
    }
  }
}
