/** The HTTP server around the app. */
import { randomUUID } from 'node:crypto';
import { type Server, type ServerResponse, createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type express from 'express';
import type { Logger } from 'pino';
import { HoldfastError } from '../domain/errors.js';
import { toProblem } from './v1/errors.js';

/** How long a caller may take for the headers, and for all of a request. */
const LIMITS = { headersTimeout: 10_000, requestTimeout: 30_000 };

interface Unreadable {
  line: string;
  message: string;
}

const NO_HTTP: Unreadable = { line: '400 Bad Request', message: 'this is not a request that can be read' };
const UNREADABLE: Readonly<Record<string, Unreadable>> = {
  HPE_HEADER_OVERFLOW: {
    line: '431 Request Header Fields Too Large',
    message: 'path and headers have more than 16 KiB together',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    line: '413 Payload Too Large',
    message: 'the chunks have extensions that are too long',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    line: '408 Request Timeout',
    message: 'the request did not come to its end in time',
  },
};

/** What Node could not read as a request reaches no route; it is a problem like any other all the same. */
function answerUnreadable(code: string | undefined, socket: Duplex, logger: Logger): void {
  const { line, message } = UNREADABLE[code ?? ''] ?? NO_HTTP;
  const requestId = randomUUID();
  const { body } = toProblem(new HoldfastError('invalid_request', { message }), requestId);
  const text = JSON.stringify({ ...(body as object), status: Number(line.slice(0, 3)) });
  logger.info({ reqId: requestId, code }, 'a request could not be read');
  socket.end(
    [
      `HTTP/1.1 ${line}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(text)}`,
      `X-Request-Id: ${requestId}`,
      'Connection: close',
      '',
      text,
    ].join('\r\n'),
  );
}

export function createApiServer(app: express.Express, logger: Logger): Server {
  const latest = new WeakMap<Duplex, ServerResponse>();
  const server = createServer(LIMITS, app);
  server.on('request', (request, response) => latest.set(request.socket, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const answer = latest.get(socket);
    const isAnswering = answer?.headersSent === true && !answer.writableFinished;
    // Nobody is there any more, or an answer is on its way, into which nothing may be written.
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) socket.destroy();
    else answerUnreadable(error.code, socket, logger);
  });
  return server;
}
