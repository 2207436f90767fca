import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../domain/errors.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { type TestApp, startTestApp } from './test-support.js';

interface Operation {
  operationId: string;
  summary: string;
  security: object[];
  parameters?: { name: string; in: string; schema: object }[];
  responses: Record<string, { $ref?: string; content?: Record<string, { schema: object }> }>;
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: object; schemas: Record<string, object>; responses: Record<string, object> };
}

let database: TestDatabase;
let api: TestApp;
let document: Document;

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
  document = (await api.send('GET', '/openapi.json')).json as unknown as Document;
});

afterAll(async () => {
  await api.close();
  await database.close();
});

function operations(): [string, string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, those]) =>
    Object.entries(those).map(([method, operation]): [string, string, Operation] => [
      path,
      method,
      operation,
    ]),
  );
}

describe('the OpenAPI document', () => {
  it('is 3.1 and describes every native route', () => {
    expect(document.openapi).toBe('3.1.0');
    const listed = (
      api.app.router as unknown as { listRoutes(): { path: string; methods?: string[] }[] }
    ).listRoutes();
    const native = listed.filter(
      ({ path, methods = [] }) => path.startsWith('/v1/') && !methods.includes('TRACE'),
    );
    expect(native.length).toBeGreaterThan(20);
    for (const { path, methods = [] } of native) {
      const described = document.paths[path.replace(/:(\w+)/g, '{$1}')] ?? {};
      expect(Object.keys(described)).toEqual(expect.arrayContaining([methods[0]?.toLowerCase()]));
    }
  });

  it('has no reference that leads nowhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(50);
    for (const [, kind = '', name = ''] of references) {
      expect(Object.keys(document.components[kind as 'schemas'])).toContain(name);
    }
  });

  it('names every error code, and says of each operation how it can fail', () => {
    expect(Object.keys(document.components.responses).sort()).toEqual([...ERROR_CODES].sort());
    for (const [path, method, { responses, security }] of operations()) {
      if (!path.startsWith('/v1/')) continue;
      const statuses = Object.keys(responses);
      expect(statuses, `${method} ${path}`).toEqual(
        expect.arrayContaining(['401', '403', '429', '500', '503']),
      );
      expect(security, `${method} ${path}`).toEqual([{ apiKey: [] }, { bearer: [] }]);
    }
  });

  it('has an Idempotency-Key on every POST of /v1, unique operation ids and a summary for each', () => {
    const all = operations();
    for (const [path, method, { parameters = [], summary }] of all) {
      const takesKey = parameters.some(({ name }) => name === 'Idempotency-Key');
      expect(takesKey, `${method} ${path}`).toBe(method === 'post' && path.startsWith('/v1/'));
      expect(summary).not.toBe('');
    }
    expect(new Set(all.map(([, , { operationId }]) => operationId)).size).toBe(all.length);
  });
});

describe('the documentation page', () => {
  it('fetches nothing from elsewhere, and may not', async () => {
    const page = await api.send('GET', '/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.text).not.toMatch(/https?:\/\//);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    const start = await api.send('GET', '/docs/start.js');
    expect(start.text).toContain('validatorUrl: null');
  });

  it.each([
    ['swagger-ui.css', 'text/css'],
    ['swagger-ui-bundle.js', 'text/javascript'],
    ['favicon-32x32.png', 'image/png'],
    ['start.js', 'text/javascript'],
  ])('serves %s', async (file, type) => {
    const answer = await api.send('GET', `/docs/${file}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain(type);
    expect(answer.text.length).toBeGreaterThan(100);
  });

  it.each(['package.json', 'swagger-ui.css.map', '..%2Fpackage.json', '%2Fetc%2Fpasswd'])(
    'serves no other file: %s',
    async (file) => {
      expect((await api.send('GET', `/docs/${file}`)).status).toBe(404);
    },
  );
});
