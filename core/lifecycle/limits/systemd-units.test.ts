import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempFolder } from '../process/testing.ts';
import { localRunner } from '../system/local-runner.ts';
import { SystemdUnits, type UnitSpec, unitText } from './systemd-units.ts';

const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find(existsSync);

const spec = (folder: string): UnitSpec => ({
  name: 'queen',
  argv: [process.execPath, '/opt/my rbee/100%/main.js', '--name', 'a "quoted" \\ $HOME %h', ''],
  env: { RBEE_HOME: '/home/a b/$x %y "z"', TWO: 'line\none' },
  cwd: folder,
  logFile: join(folder, 'queen.log'),
  stopGraceMs: 10_500,
});

test('stopping a unit leaves workers running, and values that systemd would expand are quoted', () => {
  const text = unitText(spec('/srv/50%'));
  assert.match(text, /^KillMode=process$/m);
  assert.match(text, /^OOMPolicy=continue$/m);
  assert.match(text, /^Restart=on-failure$/m);
  assert.match(text, /^TimeoutStopSec=11$/m);
  assert.match(text, /^WorkingDirectory=\/srv\/50%%$/m);
  assert.ok(text.includes(String.raw`"/opt/my rbee/100%%/main.js" "--name" "a \"quoted\" \\ $$HOME %%h" ""`));
  assert.ok(text.includes(String.raw`Environment="RBEE_HOME=/home/a b/$x %%y \"z\""`));
  assert.ok(text.includes(String.raw`Environment="TWO=line\none"`));
});

test('systemd accepts a unit', {
  skip: analyze === undefined && 'systemd-analyze is not installed',
}, async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'rbee-queen.service');
  await writeFile(file, unitText(spec(folder)));
  const env = { ...process.env, XDG_RUNTIME_DIR: folder };
  assert.doesNotThrow(() => execFileSync(analyze ?? '', ['verify', '--user', file], { env, stdio: 'pipe' }));
});

/** systemctl and loginctl as scripts that record their arguments. */
const withSystemd = async (t: TestContext, scripts: { systemctl?: string; loginctl?: string }) => {
  const folder = await tempFolder(t);
  for (const name of ['systemctl', 'loginctl'] as const) {
    const script = `#!/bin/sh\necho ${name} "$@" >> ${folder}/calls\n${scripts[name] ?? ''}\n`;
    await writeFile(join(folder, name), script, { mode: 0o755 });
  }
  const texts: string[] = [];
  const units = new SystemdUnits({
    runner: localRunner,
    env: { PATH: `${folder}:/usr/bin:/bin` },
    folder: join(folder, 'user'),
    narrate: (event) => void texts.push('text' in event ? String(event.text) : ''),
  });
  return {
    folder,
    units,
    texts,
    calls: async () => (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n').slice(1),
  };
};

test('enabling writes the unit, enables it and requests lingering; disabling removes it', async (t) => {
  const { folder, units, calls, texts } = await withSystemd(t, {});
  const { file } = await units.enable(spec(folder));
  assert.equal(await readFile(file, 'utf8'), unitText(spec(folder)));
  assert.deepEqual(await calls(), [
    'systemctl --user daemon-reload',
    'systemctl --user enable rbee-queen.service',
    'loginctl enable-linger',
  ]);
  assert.equal(await units.disable('queen'), true);
  assert.equal(await units.disable('queen'), false);
  assert.deepEqual(await readdir(join(folder, 'user')), []);
  assert.deepEqual(texts, []);
});

test('without lingering the unit is still enabled, with a warning', async (t) => {
  const { folder, units, texts } = await withSystemd(t, { loginctl: 'echo no right >&2; exit 1' });
  await units.enable(spec(folder));
  assert.deepEqual(texts, ['the queen will run only while you are logged in: no right']);
});

test('without a user systemd, enabling fails and writes nothing', async (t) => {
  const broken = await withSystemd(t, { systemctl: 'echo "Failed to connect to bus" >&2; exit 1' });
  await assert.rejects(broken.units.enable(spec(broken.folder)), {
    code: 'SYSTEMD_UNAVAILABLE',
    message: /Failed to connect to bus/,
  });
  await assert.rejects(broken.units.disable('queen'), { code: 'SYSTEMD_UNAVAILABLE' });
  assert.ok(!(await readdir(broken.folder)).includes('user'));
  const refusing = await withSystemd(t, { systemctl: 'case "$2" in enable) exit 3;; esac' });
  await assert.rejects(refusing.units.enable(spec(refusing.folder)), {
    code: 'SYSTEMD_UNAVAILABLE',
    message: /exit code 3/,
  });
  const folder = await tempFolder(t);
  await mkdir(join(folder, 'empty'));
  const missing = new SystemdUnits({
    runner: localRunner,
    env: { PATH: join(folder, 'empty') },
    folder: join(folder, 'user'),
  });
  await assert.rejects(missing.enable(spec(folder)), {
    code: 'SYSTEMD_UNAVAILABLE',
    message: /systemctl is not installed/,
  });
});
