import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';

/** An express handler from asynchronous work; express 5 takes the promise and hands a failure on. */
export function handle<P = Record<string, string>>(
  work: (req: Request<P>, res: Response) => Promise<void>,
): RequestHandler<P> {
  return (req, res) => work(req, res);
}

/** The end of each gateway's app: an unreadable request is told so, and our own bug shows no stack to callers. */
export function lastResort(report: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    if (res.headersSent) return next(error);
    const status = clientStatusOf(error);
    if (status === null) report(error);
    const sentence =
      status === null ? 'The sandbox failed; its own output says why.' : 'The request cannot be read.';
    res
      .status(status ?? 500)
      .type('text')
      .send(`${sentence}\n`);
  };
}

/** The 4xx that express gives an unreadable request (a broken escape in the path, a body too large). */
export function clientStatusOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('status' in error)) return null;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}

/** A body that was read as text; empty where there was none. */
export function bodyOf(req: Request): string {
  return typeof req.body === 'string' ? req.body : '';
}

/** A named part of the path. */
export function param(req: Request, name: string): string {
  const value = req.params[name];
  return typeof value === 'string' ? value : '';
}
