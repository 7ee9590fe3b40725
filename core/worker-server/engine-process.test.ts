import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLineReader } from './engine-output.ts';
import { type EngineExit, type EngineOptions, startEngine } from './engine-process.ts';
import { freePort } from './free-port.ts';

const script = join(import.meta.dirname, 'test/tiny-engine.ts');

/** Starts the tiny engine on a free port. */
const start = async (args: string[] = [], more: Partial<EngineOptions> = {}) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const log: string[] = [];
  const engine = startEngine({
    argv: [process.execPath, script, '--port', String(port), ...args],
    log: (line) => log.push(line),
    isReady: async (signal) => (await fetch(url, { signal })).ok,
    signal: new AbortController().signal,
    ...more,
  });
  return { engine, log, url };
};

describe('an engine behind an adapter', () => {
  it('is ready when it answers, and is stopped', async () => {
    const seen: number[] = [];
    const { engine, log, url } = await start([], {
      env: { WISH: 'granted' },
      progress: { pattern: /loading: (?<percent>\d+) %/, tell: (fraction) => seen.push(fraction) },
    });
    const { running, pid, stop, exited } = await engine;
    assert.equal(running, true);
    assert.ok(pid > 0);
    assert.equal(await (await fetch(url)).text(), 'ok');
    assert.deepEqual(seen, [0.1, 0.5, 0.9]);
    assert.ok(log.includes('half a line, key undefined, wish granted'), log.join('\n'));
    assert.deepEqual(await stop(), { code: null, signal: 'SIGTERM' });
    assert.deepEqual(await exited, { code: null, signal: 'SIGTERM' });
    assert.deepEqual(await stop(), { code: null, signal: 'SIGTERM' });
  });

  it('does not get the secrets of its adapter', async () => {
    process.env['RBEE_API_KEY'] = 'secret';
    const { engine, log } = await start();
    delete process.env['RBEE_API_KEY'];
    await (await engine).stop();
    assert.ok(log.includes('half a line, key undefined, wish undefined'));
  });

  it('has failed if it ends before it is ready, even with exit code 0', async () => {
    for (const [code, exitCode] of [
      ['3', 3],
      ['0', 1],
    ] as const) {
      const { engine } = await start(['--exit', code]);
      await assert.rejects(engine, {
        name: 'StartError',
        exitCode,
        message: `the engine ended with exit code ${code} before it was ready: error: I cannot go on`,
      });
    }
  });

  it('does not count as ready when another process answers instead', async () => {
    const { engine } = await start(['--exit', '0'], { isReady: () => sleep(2000, true, { ref: false }) });
    await assert.rejects(engine, /ended with exit code 0 before it was ready/);
  });

  it('is an error if its program does not exist', async () => {
    const { engine } = await start([], { argv: ['/nowhere/engine'] });
    await assert.rejects(engine, {
      exitCode: 69,
      message: '/nowhere/engine cannot be started: there is no such program',
    });
  });

  it('is ended if the worker is stopped while it loads', async () => {
    const stopped = new AbortController();
    const { engine, log } = await start([], { isReady: () => false, signal: stopped.signal });
    while (log.length === 0) await sleep(5);
    stopped.abort(new Error('stopped'));
    await assert.rejects(engine, /stopped/);
  });

  it('is killed if it ignores signals', async () => {
    const { engine, log } = await start(['--deaf'], {
      stop: [
        { signal: 'SIGTERM', graceMs: 100 },
        { signal: 'SIGTERM', graceMs: 100 },
      ],
    });
    assert.deepEqual(await (await engine).stop(), { code: null, signal: 'SIGKILL' });
    assert.ok(log.includes('I do not hear'));
  });

  it('reports that it ended on its own', async () => {
    const { promise, resolve } = Promise.withResolvers<EngineExit>();
    const { engine, log, url } = await start([], { onDeath: resolve });
    await engine;
    await fetch(`${url}/leave`).catch(() => {});
    assert.deepEqual(await promise, { code: 0, signal: null });
    assert.equal(log.at(-1), 'error: the engine ended with exit code 0 while it was serving');
  });
});

describe('an adapter', () => {
  const launch = async () => {
    const adapter = spawn(process.execPath, [join(import.meta.dirname, 'test/tiny-adapter.ts')], {
      env: { PATH: process.env['PATH'], RBEE_API_KEY: 'key' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    adapter.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const closed = once(adapter, 'close') as Promise<[number | null, string | null]>;
    const says = async (words: RegExp) => {
      while (!words.test(log)) {
        if (adapter.exitCode !== null) throw new Error(`it ended without ${words}: ${log}`);
        await sleep(5);
      }
      return words.exec(log)?.[1] ?? '';
    };
    await says(/adapter: ready/);
    const port = await says(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
    const ask = (path: string) =>
      fetch(`http://127.0.0.1:${port}/engine/${path}`, { headers: { authorization: 'Bearer key' } }).catch(() => {});
    return { adapter, closed, ask, engine: Number(await says(/engine (\d+)/)), log: () => log };
  };

  const gone = async (pid: number) => {
    for (;;) {
      try {
        process.kill(pid, 0);
      } catch {
        return;
      }
      await sleep(5);
    }
  };

  it('shows the loading progress of its engine, and ends it when it is stopped', async () => {
    const { adapter, closed, engine, log } = await launch();
    assert.match(log(), /adapter: loading 50 %/);
    adapter.kill('SIGTERM');
    assert.deepEqual(await closed, [0, null]);
    await gone(engine);
  });

  it('ends as its engine ended, and logs that', async () => {
    const { closed, ask, engine, log } = await launch();
    void ask('die');
    assert.deepEqual(await closed, [137, null]);
    assert.match(log(), /adapter: error: the engine was ended by SIGKILL while it was serving\n$/);
    await gone(engine);
  });
});

describe('the lines of an engine', () => {
  const read = (chunks: (string | Buffer)[], now: () => number = () => 0) => {
    const log: string[] = [];
    const all: string[] = [];
    const reader = createLineReader(
      (line) => log.push(line),
      (line) => all.push(line),
      now,
    );
    for (const chunk of chunks) reader.push(Buffer.from(chunk));
    reader.end();
    return { log, all };
  };

  it('are complete however they arrive', () => {
    const bytes = Buffer.from('für\nalle\r\n\nzwei');
    const { log } = read([...bytes].map((byte) => Buffer.of(byte)));
    assert.deepEqual(log, ['für', 'alle', 'zwei']);
  });

  it('are logged only now and then while they overwrite each other', () => {
    let time = 0;
    const { log, all } = read(
      Array.from({ length: 12 }, (_, at) => `${at}\r`),
      () => (time += 100),
    );
    assert.equal(all.length, 12);
    assert.deepEqual(log, ['0', '5', '10', '11']);
  });

  it('are split if they never end', () => {
    const { log } = read(['x'.repeat(40_000)]);
    assert.deepEqual(
      log.map((line) => line.length),
      [16_384, 16_384, 40_000 - 2 * 16_384],
    );
  });
});
