/** A secret in every form in which it could lie around. */

/** By what it is: `the admin key`. */
export type Secrets = Readonly<Record<string, string>>;

/** Too short to be told from chance. */
const MIN_LENGTH = 10;

/** What stands in any Base64 text that has these bytes somewhere inside: it depends on where they begin. */
function inBase64(bytes: Buffer): string[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first letters hold bits of what stands before, the last one may hold bits of what comes after.
    const from = Math.ceil((offset * 8) / 6);
    const whole = Math.floor(((offset + bytes.length) * 8) / 6);
    return text.slice(from, whole);
  });
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const hex = bytes.toString('hex');
  const base64 = inBase64(bytes);
  const forms = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    hex,
    hex.toUpperCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
  return [...new Set(forms)].filter((form) => form.length >= MIN_LENGTH);
}

/** @returns names of the secrets that a text holds, in whichever form */
export function leaksIn(text: string, secrets: Secrets): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) => {
    if (secret.length < MIN_LENGTH) throw new Error(`${name} is too short to be looked for`);
    return formsOf(secret).some((form) => text.includes(form)) ? [name] : [];
  });
}

/** Lines from the inside of a PEM: whoever has one of them has a part of the key. */
export function linesOfPem(name: string, pem: string): Secrets {
  const lines = pem.split('\n').filter((line) => /^[0-9A-Za-z+/]{64}$/.test(line));
  if (lines.length < 10) throw new Error(`${name} is no private key`);
  // The first line is the same in every key of one kind.
  return Object.fromEntries(lines.slice(1).map((line, nth) => [`line ${nth + 2} of ${name}`, line]));
}
