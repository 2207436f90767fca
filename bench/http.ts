/** A load generator that costs little: Node's own client over kept connections. */
import { Agent, request } from 'node:http';

export interface Reply {
  status: number;
  text: string;
}

export interface Http {
  post(path: string, body: Buffer | string, headers: Record<string, string>): Promise<Reply>;
  close(): void;
}

export function openHttp(base: string, connections: number): Http {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    post: (path, body, headers) =>
      new Promise((resolve, reject) => {
        const sent = request(`${base}${path}`, {
          agent,
          method: 'POST',
          headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        });
        sent.once('error', reject);
        sent.once('response', (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
          response.once('error', reject);
        });
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}
