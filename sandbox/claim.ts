import { join } from 'node:path';
import { z } from 'zod';
import { StartError } from './config.js';
import { parsedJson } from './values/json.js';
import { readIfThere, writeWhole } from './values/keys.js';

const claim = z.object({ port: z.number() });
const keysAnswer = z.object({ home: z.string() });
const ASK_WITHIN_MS = 1_000;

/**
 * Makes sure that no other running sandbox writes to this folder, since two would spoil each other's state.
 * The other one is asked over HTTP, so a claim left behind by a killed process never stands in the way.
 * @throws StartError that names the other one's port
 */
export async function claimFolder(folder: string, home: string, port: number): Promise<void> {
  const path = join(folder, 'claim.json');
  const text = await readIfThere(path);
  const held = text === null ? undefined : claim.safeParse(parsedJson(text)).data;
  // Our own port was bound by us, so its former holder is gone.
  if (held && held.port !== port && (await homeServedAt(held.port)) === home) {
    throw new StartError(
      `A sandbox on port ${held.port} uses ${home} already: stop it, or set HOLDFAST_HOME to another folder.`,
    );
  }
  await writeWhole(path, `${JSON.stringify({ port })}\n`);
}

/** The home of the sandbox that listens on a port; null when none does. */
async function homeServedAt(port: number): Promise<string | null> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/keys`, {
      signal: AbortSignal.timeout(ASK_WITHIN_MS),
    });
    return keysAnswer.safeParse(await answer.json()).data?.home ?? null;
  } catch {
    // No answer, or not a sandbox's: nobody uses the folder.
    return null;
  }
}
