import type express from 'express';
import { CAMPUS_PREFIX } from './call.js';

/** The document writes `{WebPath}/api/Pay/...`: what comes under that prefix is the call without it. */
export function withoutWebPath(webPath: string | undefined): express.RequestHandler {
  const prefixed = webPath === undefined ? undefined : `${webPath}${CAMPUS_PREFIX}`;
  return (request, _response, next) => {
    if (prefixed !== undefined && request.url.startsWith(prefixed)) {
      request.url = `${CAMPUS_PREFIX}${request.url.slice(prefixed.length)}`;
    }
    next();
  };
}
