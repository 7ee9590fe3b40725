import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const script = join(import.meta.dirname, 'test/echo-worker.ts');
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
});

const start = (env: Record<string, string> = {}, args: string[] = []) => {
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const says = async (words: RegExp) => {
    while (!words.test(log)) {
      if (child.exitCode !== null) throw new Error(`ended without ${words}: ${log}`);
      await sleep(5);
    }
    return words.exec(log)?.[1] ?? '';
  };
  return { child, ended, says, log: () => log };
};

const ask = (port: string, body: object) =>
  fetch(`http://127.0.0.1:${port}/v1/echo`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** Waits until a request runs. */
const busy = async (port: string) => {
  const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  while (!/^rbee_requests_running 1$/m.test(await metrics())) await sleep(5);
};

describe('a worker program', () => {
  it('shows its progress, and exits with 0 on SIGTERM', async () => {
    const worker = start();
    await worker.says(/echo: ready/);
    assert.match(worker.log(), /echo: loading 25 %/);
    worker.child.kill('SIGTERM');
    assert.equal(await worker.ended, 0);
  });

  it('finishes running requests before it exits', async () => {
    const worker = start();
    const port = await worker.says(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
    await worker.says(/echo: ready/);
    const running = ask(port, { words: ['a', 'b'], pauseMs: 200, stream: true });
    await busy(port);
    worker.child.kill('SIGTERM');
    assert.match(await (await running).text(), /"b".*\[DONE\]/s);
    assert.equal(await worker.ended, 0);
  });

  it('exits at once with 1 on a second signal', async () => {
    const worker = start();
    const port = await worker.says(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
    await worker.says(/echo: ready/);
    const running = ask(port, { words: ['a', 'b'], pauseMs: 60_000, stream: true }).catch(() => undefined);
    await busy(port);
    worker.child.kill('SIGTERM');
    await worker.says(/draining/);
    worker.child.kill('SIGTERM');
    assert.equal(await worker.ended, 1);
    await running;
  });

  it('exits with 143 if it is stopped while loading', async () => {
    const worker = start({ ECHO_LOAD_MS: '60000' });
    await worker.says(/loading 25 %/);
    worker.child.kill('SIGTERM');
    assert.equal(await worker.ended, 143);
  });

  it('exits with the code and the message of a failed load', async () => {
    const worker = start({ ECHO_FAIL: 'yes' });
    assert.equal(await worker.ended, 66);
    assert.match(worker.log(), /\necho: error: there is no such model\n$/);
  });

  it('exits with 98 if its port is taken', async () => {
    const first = start();
    const port = await first.says(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
    const second = start({}, [port]);
    assert.equal(await second.ended, 98);
    assert.match(
      second.log(),
      new RegExp(`echo: error: cannot listen on 127.0.0.1 port ${port}: the port is already in use`),
    );
  });
});
