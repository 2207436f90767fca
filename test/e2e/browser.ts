/** Chromium, with a record of every request that a page makes. */
import { type Browser, type Page, chromium } from 'playwright-core';
import { findChromium } from '../../dev/chromium.mjs';

/** A browser that asks for nothing by itself, so that every request is the page's own. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface WatchedPage {
  readonly page: Page;
  /** Addresses that the page asked for and that are not this machine's. */
  readonly outsideRequests: () => string[];
  readonly close: () => Promise<void>;
}

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(process.env, () => undefined), args: QUIET });
}

export async function openPage(browser: Browser): Promise<WatchedPage> {
  const context = await browser.newContext();
  const outside: string[] = [];
  context.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol !== 'data:' && hostname !== '127.0.0.1') outside.push(request.url());
  });
  return { page: await context.newPage(), outsideRequests: () => outside, close: () => context.close() };
}
