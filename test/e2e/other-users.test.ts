/** Another user of the machine got there first: in the folder of the sockets, in the configuration, in the home. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Paths, pathsFrom } from '../../core/config/paths.ts';
import { packageRoot } from '../../core/config/version.ts';
import { createHome } from '../harness/home.ts';

const needsRoot = process.getuid?.() !== 0 && 'needs root to become another user';
const nobody = { uid: 65_534, gid: 65_534 };

/** A home whose path is too long for a socket, without XDG_RUNTIME_DIR to say where sockets may go instead. */
const longHome = (t: TestContext) => {
  const home = createHome();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `rbee-${'long-'.repeat(20)}`)));
  const env: NodeJS.ProcessEnv = { RBEE_HOME: folder, XDG_RUNTIME_DIR: '' };
  const paths = pathsFrom({ ...home.env, ...env });
  assert.equal(join(paths.sockets, '..'), tmpdir());
  mkdirSync(paths.config, { recursive: true });
  writeFileSync(paths.rbeeConf, '[queen]\nport = 0\n');
  t.after(async () => {
    await home.close();
    for (const one of [folder, paths.sockets]) rmSync(one, { recursive: true, force: true });
  });
  return { home, env, paths };
};

/** Runs as another user: listens where queen and hive would, poses as a queen, and records what it receives. */
const impostor = (t: TestContext, { queenSocket, hiveSocket, sockets }: Paths) => {
  const heard = join(sockets, 'heard');
  const program = `
    const fs = require('node:fs');
    const http = require('node:http');
    fs.mkdirSync(${JSON.stringify(sockets)}, { recursive: true, mode: 0o777 });
    const body = JSON.stringify({ status: 'ok', name: 'queen', version: '0', pid: process.pid, instance: 'x', hives: [], workers: [] });
    let open = 0;
    for (const path of ${JSON.stringify([queenSocket, hiveSocket])}) {
      const server = http.createServer((request, response) => {
        fs.appendFileSync(${JSON.stringify(heard)}, request.url + '\\n');
        response.end(body);
      });
      server.on('connection', () => fs.appendFileSync(${JSON.stringify(heard)}, 'connected\\n'));
      server.listen(path, () => {
        fs.chmodSync(path, 0o777);
        if (++open === 2) console.log('listening');
      });
    }`;
  const child: ChildProcess = spawn('/proc/self/exe', ['-e', program], { ...nobody, cwd: '/', env: {} });
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });
  return {
    listening: once(child.stdout!, 'data'),
    heard: () => (existsSync(heard) ? readFileSync(heard, 'utf8') : ''),
  };
};

/**
 * The keeper once sent operations, and the passphrase of an SSH key, to any process that listened in a folder of /tmp.
 */
test("nothing is sent to a socket that another user made in place of the queen's", { skip: needsRoot }, async (t) => {
  const { home, env, paths } = longHome(t);
  mkdirSync(paths.state, { recursive: true, mode: 0o700 });
  const other = impostor(t, paths);
  await other.listening;
  const commands = [
    ['status'],
    ['worker', 'list', '--json'],
    ['worker', 'spawn', '--type', 'fake'],
    ['worker', 'list', '--no-start'],
    ['queen', 'start'],
    ['queen', 'stop'],
    ['queen', 'status'],
    ['hive', 'stop'],
    ['infer', 'hello'],
  ];
  for (const command of commands) {
    const { code, stdout, stderr } = await home.rbee(command, { env });
    assert.notEqual(code, 0, command.join(' '));
    const said = stdout + stderr;
    assert.match(
      said,
      new RegExp(`the folder ${paths.sockets} cannot be trusted: it belongs to nobody, not to root`),
      command.join(' '),
    );
  }
  const doctor = await home.rbee(['doctor'], { env });
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /other users.*belongs to nobody/);
  assert.equal(other.heard(), '');
});

test('neither queen nor hive listens in a folder of another user', { skip: needsRoot }, async (t) => {
  const { home, env, paths } = longHome(t);
  mkdirSync(paths.sockets);
  chownSync(paths.sockets, nobody.uid, nobody.gid);
  mkdirSync(paths.config, { recursive: true });
  for (const name of ['queen', 'hive']) {
    const daemon = spawn(process.execPath, [join(packageRoot(), name, 'daemon.ts')], { env: { ...home.env, ...env } });
    let said = '';
    for (const stream of [daemon.stdout, daemon.stderr])
      stream.on('data', (text) => {
        said += text;
      });
    const [code] = await once(daemon, 'close');
    assert.equal(code, 1, said);
    assert.match(said, /FOLDER_NOT_PRIVATE/);
    assert.ok(!existsSync(paths.queenSocket) && !existsSync(paths.hiveSocket));
  }
});

test('with no folder in the way, sockets go to a folder in /tmp that only this user can access', async (t) => {
  const { home, env, paths } = longHome(t);
  mkdirSync(paths.config, { recursive: true });
  copyFileSync(home.paths.rbeeConf, paths.rbeeConf);
  await home.json(['queen', 'start'], { env });
  assert.deepEqual((await home.json(['worker', 'list'], { env })).workers, []);
  assert.equal(statSync(paths.sockets).mode & 0o777, 0o700);
  await home.json(['queen', 'stop'], { env });
});

test('a world-writable configuration is refused by name, with the command that fixes it', async (t) => {
  const home = createHome();
  t.after(() => home.close());
  chmodSync(home.paths.rbeeConf, 0o666);
  const { code, stderr } = await home.rbee(['queen', 'start']);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`chmod go-w ${home.paths.rbeeConf}`));
  const doctor = await home.rbee(['doctor']);
  assert.equal(doctor.code, 1);
  assert.match(
    doctor.stdout,
    /rbee.conf cannot be trusted: every user of this machine can write to it.*\n.*chmod go-w/,
  );
});

test('a world-writable home is refused, and a chosen home of another user gets a warning', {
  skip: needsRoot,
}, async (t) => {
  const home = createHome();
  t.after(() => home.close());
  chmodSync(home.folder, 0o777);
  const refused = await home.rbee(['queen', 'start']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, new RegExp(`the folder ${home.folder} cannot be trusted: every user`));

  chmodSync(home.folder, 0o755);
  chownSync(home.folder, nobody.uid, nobody.gid);
  const doubted = await home.rbee(['queen', 'start']);
  assert.equal(doubted.code, 0, doubted.stderr);
  assert.match(doubted.stderr, new RegExp(`${home.folder}: it belongs to nobody, not to root`));
  const doctor = await home.rbee(['doctor']);
  assert.match(doctor.stdout, new RegExp(`${home.folder} cannot be trusted: it belongs to nobody`));
});
