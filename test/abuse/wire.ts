/** Requests that no client library would send: bytes on a socket. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestAnswer, parsedAnswer } from '../../api/test-support.js';

/** @returns everything that came until the other side hung up; empty when it just did */
export async function exchange(url: string, sent: string | Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  // A server that hangs up while we still write is an answer too.
  socket.on('error', () => socket.destroy());
  socket.write(sent);
  await once(socket, 'close');
  return text;
}

/** Sends, and hangs up before there can be an answer. */
export async function cutOff(url: string, sent: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(sent, () => socket.destroy());
  await once(socket, 'close');
}

/** The first answer in a text of HTTP/1.1; status 0 when there is none. */
export function answerIn(text: string): TestAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [line = '', ...fields] = head.split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1] ?? 0);
  const pairs = fields.map((field): [string, string] => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon), field.slice(colon + 1).trim()];
  });
  return parsedAnswer(status, new Headers(pairs), rest.join('\r\n\r\n'));
}

/** A request head with its own `Connection: close`, so that an exchange ends. */
export function head(line: string, ...fields: readonly string[]): string {
  return [`${line} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: close', ...fields, '', ''].join('\r\n');
}
