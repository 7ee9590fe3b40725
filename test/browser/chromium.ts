/** A real Chromium without a window. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why a test with Chromium is skipped; false if it is installed. */
export const noChromium: string | false =
  spawnSync('chromium', ['--version']).status !== 0 && 'chromium is not installed';

export interface ChromiumOptions {
  /** Host names that lead to 127.0.0.1. */
  loopbackNames?: readonly string[];
}

/** Opens a page. Returns a function that ends the browser and deletes its profile. */
export const openPage = (url: string, { loopbackNames = [] }: ChromiumOptions = {}): (() => Promise<void>) => {
  const profile = mkdtempSync(join(tmpdir(), 'rbee-chromium-'));
  const rules = loopbackNames.map((name) => `MAP ${name} 127.0.0.1`).join(', ');
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--disable-component-update',
    '--no-first-run',
    // Stays open until it is killed.
    '--remote-debugging-port=0',
    `--user-data-dir=${profile}`,
    ...(rules === '' ? [] : [`--host-resolver-rules=${rules}`]),
  ];
  const env = { ...process.env, HOME: profile, DBUS_SESSION_BUS_ADDRESS: 'disabled:' };
  const child = spawn('chromium', [...flags, url], { env, detached: true, stdio: 'ignore' });
  const ended = once(child, 'exit');
  return async () => {
    // The whole process group: its renderers and its network process.
    const isRunning = child.exitCode === null && child.signalCode === null;
    if (child.pid !== undefined && isRunning) process.kill(-child.pid, 'SIGKILL');
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
};
