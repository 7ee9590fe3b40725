/** Uploads to machines: every byte arrives once, whatever happens on the way, and no secret is exposed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { undoAfter } from '../../core/lifecycle/process/testing.ts';
import type { Asker } from '../../core/ssh/pool.ts';
import { type UploadOptions, Uploads } from '../../core/ssh/upload/uploads.ts';
import { cannot, createMachines, type Host, type Machines } from '../harness/machines.ts';
import { makeHome, reach } from '../harness/reach.ts';
import { atFullScale, scaled, until } from '../harness/until.ts';

const megabyte = 2 ** 20;

describe('uploads', { skip: cannot('network') }, () => {
  let machines: Machines;
  let box: Host;
  let full: Host;
  let lab: Host;
  before(async () => {
    machines = await createMachines({
      hosts: [
        { name: 'box', home: '/home/ann and bob', sftp: false },
        { name: 'full', diskMegabytes: 4 },
        { name: 'lab', behind: 'box' },
      ],
    });
    [box, full, lab] = machines.hosts as [Host, Host, Host];
  });
  after(() => machines.close());

  let files = 0;
  const makeFile = (size: number): { file: string; data: Buffer } => {
    files += 1;
    const file = join(machines.client.home, `file-${files}`);
    const data = randomBytes(size);
    writeFileSync(file, data);
    return { file, data };
  };

  const setUp = (
    t: TestContext,
    { uploads = new Uploads(), asker = {} as Asker, home = undefined as string | undefined } = {},
  ) => {
    undoAfter(t, () => uploads.close());
    const { pool, connect } = reach(t, machines, { home });
    const upload = async (host: Host, file: string, path: string, options?: UploadOptions) => {
      const settings = pool.settingsOf(await connect(host.name, asker));
      await uploads.upload(settings, file, path.startsWith('/') ? path : join(host.home, path), options);
    };
    return { upload, uploads, pool, connect };
  };

  /** `passed` resolves once `atLeast` bytes were reported to `onProgress`, an option of the upload. */
  const progress = (atLeast: number) => {
    const told: number[] = [];
    let reached = () => {};
    const passed = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const onProgress = (sent: number) => {
      told.push(sent);
      if (sent >= atLeast) reached();
    };
    return { told, passed, onProgress };
  };

  const there = (host: Host, path: string): Buffer => readFileSync(host.path(path));

  test('every byte arrives in a private file, folders are created, and progress is reported', async (t) => {
    const { upload } = setUp(t);
    const { file, data } = makeFile(12 * megabyte);
    const { told, onProgress } = progress(0);
    const totals = new Set<number>();
    await upload(box, file, "deep in/it's/a file", {
      onProgress: (sent, total) => {
        onProgress(sent);
        totals.add(total);
      },
    });
    assert.ok(there(box, "deep in/it's/a file").equals(data));
    assert.equal(statSync(box.path("deep in/it's/a file")).mode & 0o777, 0o600);
    assert.equal(statSync(box.path('deep in')).mode & 0o777, 0o700);
    assert.deepEqual(box.files("deep in/it's"), ['a file']);
    assert.deepEqual([...totals], [data.length]);
    assert.equal(told[0], 0);
    assert.equal(told.at(-1), data.length);
    assert.deepEqual(
      told,
      told.toSorted((one, other) => one - other),
    );
    const empty = makeFile(0);
    await upload(box, empty.file, 'empty');
    assert.equal(there(box, 'empty').length, 0);
    // An existing file is replaced.
    await upload(box, empty.file, "deep in/it's/a file");
    assert.equal(there(box, "deep in/it's/a file").length, 0);
  });

  test('many uploads run at once, also through a jump host', async (t) => {
    const { upload } = setUp(t);
    const all = Array.from({ length: 12 }, (_, nth) => ({ ...makeFile(megabyte), host: nth % 2 ? box : lab }));
    await Promise.all(all.map(({ file, host }, nth) => upload(host, file, `many/${nth}`)));
    for (const [nth, { data, host }] of all.entries()) assert.ok(there(host, `many/${nth}`).equals(data));
  });

  test('two uploads to the same path do not mix', async (t) => {
    const { upload } = setUp(t);
    const [one, two] = [makeFile(4 * megabyte), makeFile(4 * megabyte)];
    await Promise.all([upload(box, one.file, 'same'), upload(box, two.file, 'same')]);
    const data = there(box, 'same');
    assert.ok(data.equals(one.data) || data.equals(two.data));
    assert.ok(!box.files().includes('same.part'));
  });

  test('an interrupted upload resumes at the next byte', async (t) => {
    const { upload } = setUp(t);
    const { file, data } = makeFile(8 * megabyte);
    await box.shape({ mbit: 30 });
    const first = progress(4 * megabyte);
    const cut = upload(box, file, 'cut', { onProgress: first.onProgress });
    const told = assert.rejects(cut, { code: 'SSH_CONNECTION_LOST' });
    await first.passed;
    await box.stopSshd({ connections: 'cut' });
    await told;
    await box.shape({});
    await box.startSshd();
    const have = statSync(box.path('cut.part')).size;
    assert.ok(have > megabyte && have < data.length, `${have}`);
    const second = progress(0);
    await upload(box, file, 'cut', { onProgress: second.onProgress });
    assert.equal(second.told[0], have);
    assert.ok(there(box, 'cut').equals(data));
    assert.ok(!box.files().includes('cut.part'));
  });

  test('a partial file that is too long, already complete or replaced by a folder is handled', async (t) => {
    const { upload } = setUp(t);
    const { file, data } = makeFile(megabyte);
    const part = (name: string, bytes: Buffer) => {
      writeFileSync(box.path(`${name}.part`), bytes);
      chownSync(box.path(`${name}.part`), 1000, 1000);
    };
    part('longer', Buffer.concat([data, data]));
    await upload(box, file, 'longer');
    assert.ok(there(box, 'longer').equals(data));
    part('whole', data);
    const { told, onProgress } = progress(0);
    await upload(box, file, 'whole', { onProgress });
    assert.ok(there(box, 'whole').equals(data));
    assert.deepEqual([...new Set(told)], [data.length]);
    mkdirSync(box.path('folder.part'));
    await assert.rejects(upload(box, file, 'folder'), { code: 'HOST_FOLDER_UNUSABLE' });
  });

  test('an abort takes effect at once, keeps what has arrived, and leaves other uploads alone', async (t) => {
    const { upload } = setUp(t);
    const [one, two] = [makeFile(8 * megabyte), makeFile(megabyte)];
    await box.shape({ mbit: 20 });
    const stop = new AbortController();
    const { passed, onProgress } = progress(3 * megabyte);
    const aborted = upload(box, one.file, 'aborted', { signal: stop.signal, onProgress });
    const other = upload(box, two.file, 'other');
    await passed;
    stop.abort(new Error('enough'));
    await assert.rejects(aborted, { message: 'enough' });
    await other;
    assert.ok(there(box, 'other').equals(two.data));
    assert.ok(statSync(box.path('aborted.part')).size > 0);
    await box.shape({});
    await until(() => box.processes().length === 0, { what: 'the end of the receiving process' });
    await upload(box, one.file, 'aborted');
    assert.ok(there(box, 'aborted').equals(one.data));
    await assert.rejects(upload(box, one.file, 'never', { signal: AbortSignal.abort(new Error('before')) }), {
      message: 'before',
    });
    assert.ok(!box.files().includes('never.part'));
  });

  test('a full disk, a read-only home and a file in place of a folder are reported, and the disk is not filled', async (t) => {
    const { upload } = setUp(t);
    const { file } = makeFile(8 * megabyte);
    await assert.rejects(upload(full, file, 'data/big'), {
      code: 'HOST_FOLDER_UNUSABLE',
      message: /hive full cannot use the folder \/home\/ann\/data: .*No space left on device/,
      hint: 'free some space there',
    });
    assert.deepEqual(full.files('data'), []);
    await box.setReadOnlyHome(true);
    const readOnly = { code: 'HOST_FOLDER_UNUSABLE', message: /Read-only file system/, hint: /make it writable/ };
    await assert.rejects(upload(box, file, 'new/file'), readOnly);
    await box.setReadOnlyHome(false);
    await box.run('touch plain');
    await assert.rejects(upload(box, file, 'plain/file'), { code: 'HOST_FOLDER_UNUSABLE' });
    await assert.rejects(upload(box, file, '/root/file'), {
      code: 'HOST_FOLDER_UNUSABLE',
      message: /Permission denied/,
    });
  });

  test('an unreachable machine and a missing local file are reported', async (t) => {
    const { upload, pool, connect, uploads } = setUp(t);
    const { file, data } = makeFile(10);
    const settings = pool.settingsOf(await connect('box'));
    await box.stopSshd({ connections: 'cut' });
    await assert.rejects(uploads.upload(settings, file, '/tmp/x'), { code: 'SSH_UNREACHABLE' });
    await box.startSshd();
    await uploads.upload(settings, file, '/tmp/x');
    assert.ok(there(box, '/tmp/x').equals(data));
    await assert.rejects(upload(box, `${file}-gone`, '/tmp/y'), { code: 'ENOENT' });
  });

  // The exit of an idle thread was mistaken for the exit of the next thread.
  test('an idle thread exits, and the next upload gets a new one', { skip: atFullScale }, async (t) => {
    const { upload } = setUp(t, { uploads: new Uploads({ idleMs: 0 }) });
    const { file } = makeFile(1000);
    for (let round = 0; round < scaled(50, 8); round += 1) {
      await upload(box, file, `round-${round}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(box.files().filter((name) => name.startsWith('round-')).length, scaled(50, 8));
  });

  test('a waiting thread does not keep the process alive', async () => {
    const { file } = makeFile(1000);
    const at = (path: string) => JSON.stringify(join(import.meta.dirname, path));
    const script = `
      import { SshPool } from ${at('../../core/ssh/pool.ts')};
      import { Uploads } from ${at('../../core/ssh/upload/uploads.ts')};
      import { localRunner } from ${at('../../core/lifecycle/system/local-runner.ts')};
      const pool = new SshPool({ env: process.env, runner: localRunner, timeoutMs: 10_000 });
      const connection = await pool.connect({ alias: 'box', hostname: 'box' });
      const uploads = new Uploads({ idleMs: 600_000 });
      await uploads.upload(pool.settingsOf(connection), ${JSON.stringify(file)}, '/tmp/from-child');
      pool.close();
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      env: { PATH: process.env['PATH'], HOME: machines.client.home },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal(there(box, '/tmp/from-child').length, 1000);
  });

  test('no secret appears in a process list, a log, or a file that others can read', async (t) => {
    const { keys, passphrase } = machines.client;
    const home = makeHome(machines, (config) => `${config}\n  IdentityFile ${keys.encrypted}\n`);
    const { upload, connect } = setUp(t, { home, asker: { ask: async () => passphrase } });
    await connect('box', { ask: async () => passphrase });
    const { file } = makeFile(6 * megabyte);
    await box.shape({ mbit: 20 });
    const { passed, onProgress } = progress(megabyte);
    const running = upload(box, file, 'private/secret', { onProgress });
    await passed;
    const key = readFileSync(keys.encrypted, 'utf8').split('\n')[2] ?? '';
    const secrets = [passphrase, key];
    const isSecret = (text: string) => secrets.some((secret) => text.includes(secret));
    const seen = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) =>
        ['cmdline', 'environ'].map((name) => {
          try {
            return readFileSync(`/proc/${pid}/${name}`, 'utf8');
          } catch {
            return '';
          }
        }),
      );
    assert.ok(seen.some((text) => text.includes('sshd')));
    assert.deepEqual(seen.filter(isSecret), []);
    assert.ok(!isSecret(box.sshdLog()));
    assert.equal((await box.run('find private -perm /077')).stdout, '');
    await running;
    await box.shape({});
    assert.equal((await box.run('find private -perm /077')).stdout, '');
  });

  test('an upload fails when the link goes down, and resumes when it is back', {
    skip: atFullScale,
  }, async (t) => {
    const { upload } = setUp(t);
    const { file, data } = makeFile(8 * megabyte);
    await box.shape({ mbit: 20 });
    const { passed, onProgress } = progress(4 * megabyte);
    const cut = upload(box, file, 'down', { onProgress });
    const told = assert.rejects(cut, { code: 'SSH_CONNECTION_LOST', message: /no data for 30 s/ });
    await passed;
    await box.linkDown();
    await told;
    await box.linkUp();
    await box.shape({});
    await upload(box, file, 'down');
    assert.ok(there(box, 'down').equals(data));
  });
});
