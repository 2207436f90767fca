/** The merchant's side of notifications in tests: keeps what arrives, as it arrived, by order number. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Acknowledgement, RawNotification } from './channel.js';

export interface Receiver {
  /** Where the notifications of this number are to be sent. */
  urlFor(outTradeNo: string): string;
  /** The next notification for this number, waiting for it when there is none yet. */
  next(outTradeNo: string): Promise<RawNotification>;
  /** How the next ones for this number are answered; without it, 200 and `success`. */
  answerNext(outTradeNo: string, ...answers: Acknowledgement[]): void;
  stop(): Promise<void>;
}

const SUCCESS: Acknowledgement = { status: 200, contentType: 'text/plain', body: 'success' };

interface Box {
  arrived: RawNotification[];
  waiting: ((raw: RawNotification) => void)[];
  answers: Acknowledgement[];
}

export async function startReceiver(): Promise<Receiver> {
  const boxes = new Map<string, Box>();
  const boxOf = (name: string): Box => {
    const box = boxes.get(name) ?? { arrived: [], waiting: [], answers: [] };
    boxes.set(name, box);
    return box;
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const box = boxOf((request.url ?? '').slice(1));
      const raw = { body: Buffer.concat(chunks), headers: request.headers, receivedAt: new Date() };
      const { status, contentType, body } = box.answers.shift() ?? SUCCESS;
      response.writeHead(status, { 'content-type': contentType }).end(body);
      const waiter = box.waiting.shift();
      if (waiter === undefined) box.arrived.push(raw);
      else waiter(raw);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    urlFor: (outTradeNo) => `http://127.0.0.1:${port}/${outTradeNo}`,
    next: async (outTradeNo) => {
      const box = boxOf(outTradeNo);
      return box.arrived.shift() ?? new Promise((resolve) => box.waiting.push(resolve));
    },
    answerNext: (outTradeNo, ...answers) => boxOf(outTradeNo).answers.push(...answers),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
