/** Ping++'s refusals: an HTTP status and `{error: {type, code, message, param}}`. */
export class PingppRefusal extends Error {
  override readonly name = 'PingppRefusal';
  readonly status: number;
  readonly type: 'invalid_request_error' | 'api_error' | 'channel_error';
  readonly code: string;
  readonly param: string | undefined;

  constructor(
    status: number,
    type: PingppRefusal['type'],
    details: { code: string; message: string; param?: string },
  ) {
    super(details.message);
    this.status = status;
    this.type = type;
    this.code = details.code;
    this.param = details.param;
  }

  toAnswer(): PingppAnswer {
    const { status, type, code, message, param } = this;
    return { status, body: { error: { type, code, message, ...(param !== undefined && { param }) } } };
  }
}

export interface PingppAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

// Ping++ publishes no list of its codes; these say what is wrong in its manner.
export function invalidRequest(code: string, message: string, param?: string): PingppRefusal {
  return new PingppRefusal(400, 'invalid_request_error', {
    code,
    message,
    ...(param !== undefined && { param }),
  });
}

export const unauthorized = (code: string, message: string): PingppRefusal =>
  new PingppRefusal(401, 'invalid_request_error', { code, message });

export const notFound = (what: string, id: string): PingppRefusal =>
  new PingppRefusal(404, 'invalid_request_error', {
    code: 'resource_not_found',
    message: `No such ${what}: ${id}`,
    param: 'id',
  });

export const channelError = (code: string, message: string): PingppRefusal =>
  new PingppRefusal(402, 'channel_error', { code, message });

export const systemError = (): PingppRefusal =>
  new PingppRefusal(500, 'api_error', { code: 'internal_error', message: '系统异常，请稍后重试' });
