/** The OpenAPI document at /openapi.json, and Swagger UI over it at /docs: all files are our own, nothing is fetched elsewhere. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import { HoldfastError } from '../domain/errors.js';
import { everybody } from './access.js';
import { type Answer, type Endpoint, endpoint } from './endpoint.js';
import { type OpenApiDocument, openApiDocument } from './openapi.js';

const require = createRequire(import.meta.url);
const swaggerFolder = path.dirname(require.resolve('swagger-ui-dist/package.json'));
const { version }: { version: string } = require('../package.json');

const SWAGGER_FILES = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']);

// Swagger UI writes style attributes and shows its icons as data: images; scripts come from here alone.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Holdfast API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="docs"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const START = `window.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'list',
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // The validator's badge would be fetched from its public server.
  validatorUrl: null,
});
`;

const DAY = 'public, max-age=86400';

function sendText(contentType: string, text: string): Answer['send'] {
  return (_request, response) => {
    response.setHeader('Content-Type', contentType);
    response.end(text);
  };
}

function sendFile(name: string): Answer['send'] {
  return (_request, response) =>
    new Promise((resolve, reject) => {
      response.sendFile(name, { root: swaggerFolder, cacheControl: false }, (error: unknown) => {
        if (error === undefined || error === null || response.headersSent) resolve();
        else reject(error);
      });
    });
}

function fileNamed(name: string): Answer['send'] {
  if (name === 'start.js') return sendText('text/javascript; charset=utf-8', START);
  if (SWAGGER_FILES.has(name)) return sendFile(name);
  throw new HoldfastError('not_found', { message: 'there is no such file' });
}

/** @param documented the routes to describe; those of the documentation itself are added */
export function docsEndpoints(documented: readonly Endpoint[]): readonly Endpoint[] {
  let document: OpenApiDocument | undefined;
  const pages: Endpoint[] = [
    endpoint({
      method: 'get',
      path: '/openapi.json',
      access: everybody,
      tag: 'operations',
      summary: 'This document',
      responses: {
        200: {
          description: 'OpenAPI 3.1.',
          contentType: 'application/json',
          schema: z.looseObject({ openapi: z.string() }),
        },
      },
      handler: async () => {
        document ??= openApiDocument([...documented, ...pages], version);
        return { status: 200, body: { ...document } };
      },
    }),
    endpoint({
      method: 'get',
      path: '/docs',
      access: everybody,
      tag: 'operations',
      summary: 'The documentation as a page',
      hidden: true,
      responses: { 200: { description: 'The page.', contentType: 'text/html' } },
      handler: async () => ({
        status: 200,
        headers: { 'Content-Security-Policy': CONTENT_SECURITY_POLICY, 'Cache-Control': 'no-cache' },
        send: sendText('text/html; charset=utf-8', PAGE),
      }),
    }),
    endpoint({
      method: 'get',
      path: '/docs/:file',
      access: everybody,
      tag: 'operations',
      summary: 'A file of that page',
      params: z.object({ file: z.string() }),
      hidden: true,
      responses: { 200: { description: 'The file.' } },
      errors: ['not_found'],
      handler: async (_context, { params }) => ({
        status: 200,
        headers: { 'Cache-Control': DAY },
        send: fileNamed(params.file),
      }),
    }),
  ];
  return pages;
}
