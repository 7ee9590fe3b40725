import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import { type Paths, pathsFrom } from '../../config/paths.ts';
import type { NarrationEvent } from '../../contract/api/narration.ts';
import type { FleetStatus } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { until } from '../testing.ts';
import { connectQueen } from './client.ts';
import { ensureQueen, queenStatus, restartQueen, stopQueen } from './queen-daemon.ts';

const root = mkdtempSync(join(tmpdir(), 'rbee-queen-daemon-'));
after(() => rmSync(root, { recursive: true, force: true }));

let env: NodeJS.ProcessEnv;
let paths: Paths;
let count = 0;
const configure = (text: string) => {
  mkdirSync(dirname(paths.rbeeConf), { recursive: true });
  writeFileSync(paths.rbeeConf, text);
};
beforeEach(() => {
  count += 1;
  env = { ...process.env, RBEE_HOME: join(root, String(count)) };
  paths = pathsFrom(env);
  configure('[queen]\nport = 0\n');
});
afterEach(async () => {
  await stopQueen({ paths, env });
});

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('the queen as a process', () => {
  it('is started once by two commands at the same time, and is gone after a stop', async () => {
    assert.equal((await queenStatus({ paths, env })).status, 'stopped');
    const both = await Promise.all([ensureQueen({ paths, env }), ensureQueen({ paths, env })]);
    assert.equal(both[0].pid, both[1].pid);
    assert.equal(both.filter(({ started }) => started).length, 1);
    const status = await queenStatus({ paths, env });
    assert.deepEqual([status.status, status.pid], ['running', both[0].pid]);
    assert.match(status.url ?? '', /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(readFileSync(paths.queenPid, 'utf8').trim(), String(both[0].pid));
    for (const path of [paths.queenPid, paths.queenDb, paths.queenSocket])
      assert.equal(statSync(path).mode & 0o077, 0, path);
    const fleet = await connectQueen({ socketPath: paths.queenSocket }).get<FleetStatus>('/v1/status');
    assert.deepEqual(
      [fleet.hives[0]?.alias, fleet.hives[0]?.mode, fleet.hives[0]?.status],
      ['local', 'attached', 'online'],
    );
    assert.equal((await ensureQueen({ paths, env })).started, false);

    assert.deepEqual(await stopQueen({ paths, env }), { stopped: true });
    await until(() => !alive(both[0].pid), 'the queen is gone');
    assert.deepEqual(await stopQueen({ paths, env }), { stopped: false });
    assert.equal((await queenStatus({ paths, env })).status, 'stopped');
  });

  it('comes back after a kill -9', async () => {
    const first = await ensureQueen({ paths, env });
    process.kill(first.pid, 'SIGKILL');
    const second = await ensureQueen({ paths, env });
    assert.notEqual(second.pid, first.pid);
    assert.equal((await queenStatus({ paths, env })).pid, second.pid);
  });

  it('warns about a running queen of another version', async () => {
    mkdirSync(paths.sockets, { recursive: true });
    const health = { status: 'ok', name: 'queen', version: '9.9.9', pid: process.pid, instance: 'x', startedAt: 'x' };
    const old = createHttpServer((_, response) => response.end(JSON.stringify(health))).listen(paths.queenSocket);
    await once(old, 'listening');
    try {
      const said: NarrationEvent[] = [];
      const found = await ensureQueen({ paths, env, narrate: (event) => said.push(event) });
      assert.deepEqual(found, { pid: process.pid, started: false });
      assert.ok(said[0]?.kind === 'warning' && said[0].hint === 'restart it with: rbee queen restart');
      assert.match(said[0].text, /9\.9\.9/);
    } finally {
      old.closeAllConnections();
      old.close();
      await once(old, 'close');
    }
  });

  it('reports why it did not start, with the original error', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const cases: [conf: string, code: string, problem: RegExp][] = [
      [`[queen]\nport = ${port}\n`, 'PORT_TAKEN', new RegExp(`port ${port} is already in use`)],
      ['[queen]\nprot = 1\n', 'CONFIG_INVALID', /rbee\.conf:2:1: there is no key in \[queen\] named prot/],
    ];
    try {
      for (const [conf, code, problem] of cases) {
        configure(conf);
        const error: unknown = await ensureQueen({ paths, env }).catch((thrown) => thrown);
        assert.ok(error instanceof RbeeError);
        assert.equal(error.code, code);
        assert.match(error.message, problem);
        assert.equal((await queenStatus({ paths, env })).status, 'stopped');
      }
    } finally {
      other.close();
    }
  });

  it('is not stopped by a restart that could not start it again', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port: taken } = other.address() as { port: number };
    const { pid } = await ensureQueen({ paths, env });
    const refused = async (conf: string): Promise<RbeeError> => {
      configure(conf);
      const error: unknown = await restartQueen({ paths, env }).catch((thrown) => thrown);
      assert.ok(error instanceof RbeeError, conf);
      assert.equal(error.code, 'CONFIG_REFUSED');
      const now = await queenStatus({ paths, env });
      assert.deepEqual([now.status, now.pid], ['running', pid], conf);
      return error;
    };
    try {
      assert.match((await refused('[queen]\nbind = "all"\n')).message, /rbee\.conf:2:1: bind must be/);
      assert.match((await refused('[queen]\nbind = "203.0.113.7"\n')).message, /this machine has no such address/);
      const tls = '[gateway]\nlisten = ["https://127.0.0.1:0"]\ntls_cert = "/none/cert"\ntls_key = "/none/key"\n';
      assert.match((await refused(tls)).message, /cannot use \/none\/cert for TLS: there is no such file/);
      const second = `[gateway]\nlisten = ["127.0.0.1:0", "127.0.0.1:${taken}"]\n`;
      assert.match((await refused(second)).message, /port \d+ is already in use/);
      assert.match((await refused(`[queen]\nport = ${taken}\n`)).message, /port \d+ is already in use/);
      writeFileSync(join(paths.data, 'package.json'), '{');
      const { lines } = await refused('[queen]\nport = 0\nbind = ":"\nprot = 1\n');
      const parts = [/bind must be/, /named prot/, /package\.json/];
      assert.equal(lines.length, parts.length, lines.join('\n'));
      for (const [index, part] of parts.entries()) assert.match(lines[index] ?? '', part);
    } finally {
      other.close();
      rmSync(join(paths.data, 'package.json'));
    }
    const { url } = await queenStatus({ paths, env });
    configure(`[queen]\nport = ${new URL(url ?? '').port}\n`);
    await restartQueen({ paths, env });
    const again = await queenStatus({ paths, env });
    assert.deepEqual([again.status, again.url], ['running', url], 'its own port is not taken');
    assert.notEqual(again.pid, pid);
  });

  it('runs its hive as a separate process if configured, restarts it, and leaves it running when it stops', {
    skip: atFullScale,
  }, async () => {
    configure('[queen]\nport = 0\nmode = "standalone"\n');
    await ensureQueen({ paths, env });
    const queen = connectQueen({ socketPath: paths.queenSocket });
    const hive = () => queen.runOperation('hive_get', { hive: 'local' });
    const first = await hive();
    try {
      assert.deepEqual([first.mode, first.status], ['local', 'online']);
      assert.ok(first.pid !== null && alive(first.pid));
      assert.notEqual(first.pid, (await queenStatus({ paths, env })).pid);

      process.kill(first.pid, 'SIGKILL');
      const isBack = async () => {
        const { pid, status } = await hive();
        return pid !== null && pid !== first.pid && status === 'online';
      };
      await until(isBack, 'the hive came back', 30_000);

      configure('[hive]\nworker_ports = "5"\n');
      const refused = queen.runOperation('hive_restart', { hive: 'local' });
      await assert.rejects(refused, { code: 'CONFIG_REFUSED', message: /rbee\.conf:2:1: worker_ports must be/ });
      const again = await hive();
      assert.equal(again.status, 'online', 'it was not stopped');
      await stopQueen({ paths, env });
      assert.ok(again.pid !== null && alive(again.pid));

      configure('[queen]\nport = 0\n');
      await ensureQueen({ paths, env });
      const used = await hive();
      assert.deepEqual([used.mode, used.pid, used.status], ['local', again.pid, 'online'], 'a living hive is used');
      const stopped = await queen.runOperation('hive_stop', { hive: 'local' });
      assert.deepEqual([stopped.status, stopped.pid], ['stopped', null]);
      await until(() => !alive(Number(again.pid)), 'the hive is gone');
      const attached = await queen.runOperation('hive_start', { hive: 'local' });
      assert.deepEqual([attached.mode, attached.status], ['attached', 'online']);
    } finally {
      const { pid } = await hive().catch(() => ({ pid: null }));
      const own = (await queenStatus({ paths, env })).pid;
      if (pid !== null && pid !== own && alive(pid)) process.kill(pid, 'SIGKILL');
    }
  });
});
