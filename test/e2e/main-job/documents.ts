import { describe, expect, it } from 'vitest';
import { openPage } from '../browser.js';
import { expectStatus } from '../shop.js';
import { DEADLINE_MS, eventually } from '../wait.js';
import type { World } from './world.js';

export function documentTests(world: () => World): void {
  describe('what describes it', () => {
    it('shows every operation at /docs, without a request to anybody else', async () => {
      const { stack, browser } = world();
      const { page, outsideRequests, close } = await openPage(browser);
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      await page.goto(`${stack.apiUrl}/docs`);
      await page.getByText('Create an order', { exact: true }).waitFor({ timeout: DEADLINE_MS });
      const { paths } = await openApi(world());
      const operations = Object.values(paths).flatMap((path) => Object.keys(path));
      // The page has only what is looked at, so a reader scrolls through it.
      const shown = new Set<string>();
      await eventually('every operation was shown', async () => {
        const ids = await page.locator('.opblock').evaluateAll((blocks) => blocks.map(({ id }) => id));
        for (const id of ids) shown.add(id);
        await page.mouse.wheel(0, 400);
        if (shown.size !== operations.length) throw new Error(`${shown.size} of ${operations.length}`);
      });
      expect(errors).toEqual([]);
      expect(outsideRequests()).toEqual([]);
      await close();
    });

    it('is OpenAPI 3.1 at /openapi.json', async () => {
      const { openapi, paths } = await openApi(world());
      expect(openapi).toMatch(/^3\.1\./);
      expect(Object.keys(paths)).toContain('/v1/orders/{id}/payments');
    });

    it('counts requests and notifications at /metrics', async () => {
      const { stack } = world();
      const answer = await stack.api.get<string>('/metrics');
      const text = expectStatus(answer, 200);
      expect(answer.headers.get('content-type')).toContain('text/plain');
      expect(text).toMatch(/^# TYPE holdfast_notifications_total counter$/m);
      expect(text).toMatch(/_count\{.*route="\/v1\/orders\/:id".*\} \d+$/m);
    });
  });
}

async function openApi({ stack }: World): Promise<{ openapi: string; paths: Record<string, object> }> {
  return expectStatus(
    await stack.api.get<{ openapi: string; paths: Record<string, object> }>('/openapi.json'),
    200,
  );
}
