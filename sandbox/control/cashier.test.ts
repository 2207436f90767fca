import { beforeAll, describe, expect, it } from 'vitest';
import { orderNo, testReceiver, testSandbox, type TestSandbox } from '../test-support.js';

let sandbox: TestSandbox;
let now = Date.parse('2026-11-24T04:00:00Z');

beforeAll(async () => {
  sandbox = await testSandbox({ now: () => now });
});

async function openTrade(changes: object = {}): Promise<{ no: string; url: string }> {
  const no = orderNo();
  const body = {
    channel: 'alipay',
    outTradeNo: no,
    amount: 1234,
    subject: 'Tea <for> "two" & more',
    ...changes,
  };
  const opened = await sandbox.control('POST', '/trades', body);
  return { no, url: String(opened.body['cashierUrl']) };
}

async function pageOf(url: string): Promise<{ status: number; html: string }> {
  const answer = await fetch(url);
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  return { status: answer.status, html: await answer.text() };
}

/** Presses a button as a browser without scripts does: a form post. */
function press(url: string, act: string): Promise<Response> {
  return fetch(`${url}/${act}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
}

describe('the cashier page', () => {
  it('shows what is paid and the ways out, without scripts or outside requests', async () => {
    const { no, url } = await openTrade();
    const { status, html } = await pageOf(url);
    expect(status).toBe(200);
    expect(html).toContain('<h1>¥12.34</h1>');
    expect(html).toContain('Tea &lt;for&gt; &quot;two&quot; &amp; more');
    expect(html).toContain(no);
    expect(html).toContain('role="status">Waiting for your payment<');
    expect(html).toContain('<svg role="img" aria-label="QR code of this page"');
    for (const act of ['pay', 'fail', 'leave']) {
      expect(html).toContain(`<form method="post" action="${new URL(`${url}/${act}`).pathname}">`);
    }
    expect(html).not.toMatch(/<script|<link|<img|src=|@import|url\(/);
    expect(html.match(/https?:\/\/[^"< ]+/g)).toEqual(['http://www.w3.org/2000/svg']);
  });

  it('is found by the merchant’s number too, and says so when there is no such trade', async () => {
    const { no, url } = await openTrade();
    const base = new URL(url).origin;
    expect((await pageOf(`${base}/cashier/${no}`)).html).toBe((await pageOf(url)).html);
    const missing = await pageOf(`${base}/cashier/%3Cb%3E`);
    expect(missing.status).toBe(404);
    expect(missing.html).toContain('no trade with the number &lt;b&gt; here');
  });

  it('pays by a plain form post, tells the merchant, and then shows it paid', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    const { no, url } = await openTrade({ notifyUrl: receiver.url });
    const answer = await press(url, 'pay');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, url]);
    await receiver.until(1);
    expect((await sandbox.control('GET', `/trades/${no}`)).body).toMatchObject({
      status: 'paid',
      paidAmount: 1234,
    });
    const { html } = await pageOf(url);
    expect(html).toContain('role="status">Paid<');
    expect(html).toContain('2026-11-24 12:00:00');
    expect(html).not.toContain('<form');
  });

  it('leaves without paying: nothing changes, and it can still be paid', async () => {
    const { no, url } = await openTrade();
    const answer = await press(url, 'leave');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, `${url}?left`]);
    expect((await pageOf(`${url}?left`)).html).toContain('You left without paying. You can still pay.');
    expect((await sandbox.control('GET', `/trades/${no}`)).body).toMatchObject({ status: 'unpaid' });
  });

  it('lets the payment fail', async () => {
    const { no, url } = await openTrade();
    expect((await press(url, 'fail')).status).toBe(303);
    expect((await sandbox.control('GET', `/trades/${no}`)).body).toMatchObject({ status: 'failed' });
    expect((await pageOf(url)).html).toContain('The payment failed.');
  });

  it('tells closed from expired, and a button pressed too late changes nothing', async () => {
    const closed = await openTrade();
    const expired = await openTrade({ channel: 'wechat' });
    await sandbox.control('POST', `/trades/${closed.no}/close`);
    now += 7 * 86_400_000;
    expect((await pageOf(closed.url)).html).toContain('The merchant closed this payment.');
    expect((await pageOf(expired.url)).html).toContain('The time to pay has run out.');
    for (const { no, url } of [closed, expired]) {
      const late = await press(url, 'pay');
      expect(late.status).toBe(409);
      expect(await late.text()).toContain('Nothing was taken.');
      expect((await sandbox.control('GET', `/trades/${no}`)).body).toMatchObject({ status: 'closed' });
    }
  });
});
