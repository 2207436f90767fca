const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Any text as HTML, inside an element or a quoted attribute. */
export function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}

// Nothing but this style and inline SVG: no script runs and nothing is fetched from anywhere.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'";

const STYLE = `
:root { color-scheme: light dark; --ink: #16181d; --dim: #565c66; --paper: #fff; --ground: #eef0f3;
  --line: #d5d9df; --act: #0b57d0; --on-act: #fff; --good: #0a6b35; --bad: #a3281c; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceef2; --dim: #a9b0bb; --paper: #1d2026;
  --ground: #121418; --line: #3a3f48; --act: #8ab4f8; --on-act: #0b1f3f; --good: #7ddba3; --bad: #ff9d92; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", sans-serif; }
main { max-width: 26rem; margin: 0 auto; padding: 1.25rem 1rem 2rem; background: var(--paper); min-height: 100vh; }
@media (min-width: 30rem) { body { padding: 2rem 1rem; } main { min-height: 0; border-radius: 12px;
  padding: 1.5rem 1.75rem 2rem; border: 1px solid var(--line); } }
.note { margin: 0 0 1rem; padding-bottom: .75rem; border-bottom: 1px solid var(--line); color: var(--dim);
  font-size: .875rem; }
h1 { margin: 0; font-size: 2.25rem; line-height: 1.2; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.subject { margin: .25rem 0 1rem; overflow-wrap: anywhere; }
.state { margin: 0 0 1rem; font-weight: 600; }
.paid { color: var(--good); } .closed, .failed { color: var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem .9rem; margin: 1rem 0; font-size: .875rem; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
form { margin: 0 0 .6rem; }
button, .button { display: block; width: 100%; min-height: 44px; padding: .6rem 1rem; border-radius: 8px; font: inherit;
  font-weight: 600; text-align: center; text-decoration: none; cursor: pointer; border: 1px solid var(--line);
  background: transparent; color: var(--ink); }
.main { background: var(--act); border-color: var(--act); color: var(--on-act); }
button:focus-visible, a:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
figure { margin: 1.5rem 0 0; text-align: center; color: var(--dim); font-size: .875rem; }
figure svg { width: 176px; height: 176px; border-radius: 6px; }
`;

/** A whole page: `title` is text, `body` is HTML. It works without scripts and loads nothing. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${text(POLICY)}">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}
