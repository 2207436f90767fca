import { page, text } from '../../pages/html.js';
import type { AlipayRefusal } from './refusal.js';

/** What a browser sees when Alipay does not accept a page call. */
export function errorPage(refusal: AlipayRefusal): string {
  const code = refusal.subCode.replace(/^isv\./, '');
  return page(
    'Alipay cannot open this payment',
    `<h1>Alipay cannot open this payment</h1>
<p>调试错误，请回到请求来源地，重新发起请求。</p>
<dl><dt>错误代码</dt><dd>${text(code)}</dd><dt>错误原因</dt><dd>${text(refusal.message)}</dd></dl>`,
  );
}
