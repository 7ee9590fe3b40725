/** Secrets through the real CLI, with an engine that prints, answers and fails with everything it was given. */
import assert from 'node:assert/strict';
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';
import { atTerminal } from '../harness/terminal.ts';

const teller = resolve(import.meta.dirname, '../fixtures/worker-teller');

const token = 'tok-3b9f"0c\\7e1d/é';
const key = 'key+of+a+file-55aa';
const hf = 'hf_ABCDEFGHIJKLMNOP';
const newer = 'tok-the-second-value';
const values = [token, key, hf, newer];

let home: TestHome;
before(() => {
  home = createHome({ plugins: [teller] });
});
after(() => home.close());

/** Every encoding in which a value may appear. */
const forms = (value: string): string[] => [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)];

const showsNone = (text: string): void => {
  for (const value of values.flatMap(forms)) assert.ok(!text.includes(value), `${value} is in: ${text}`);
};

/** Files below the home that contain one of the values. */
const filesWithValues = (): string[] =>
  globSync('**/*', { cwd: home.folder })
    .filter((file) => statSync(join(home.folder, file)).isFile())
    .filter((file) => {
      const bytes = readFileSync(join(home.folder, file));
      return values.flatMap(forms).some((value) => bytes.includes(value));
    });

const isSecretFile = (file: string): boolean => file.split('/').at(-2) === 'secrets';

const spawn = (...args: string[]) => home.json(['worker', 'spawn', '--type', 'teller', ...args]);

test('a value is read from stdin or the terminal, and never shown', async () => {
  const set = await home.rbee(['secret', 'set', 'token'], { input: `${token}\n` });
  assert.equal(set.code, 0, set.stderr);
  assert.match(set.stdout, /stored secret token; use it as secret:token/);
  showsNone(set.stdout + set.stderr);

  const typed = await atTerminal(home, ['secret', 'set', 'key'], { question: /not shown/, answer: key });
  assert.equal(typed.code, 0, typed.shown);
  showsNone(typed.shown);

  await home.json(['secret', 'set', 'hf-token'], { input: hf });
  const { secrets } = await home.json(['secret', 'list']);
  assert.deepEqual(
    secrets.map(({ name }: { name: string }) => name),
    ['hf-token', 'key', 'token'],
  );
  for (const { name } of secrets) {
    const file = join(home.paths.data, 'secrets', name);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  }
  assert.equal(statSync(join(home.paths.data, 'secrets')).mode & 0o777, 0o700);
  assert.equal(readFileSync(join(home.paths.data, 'secrets/token'), 'utf8'), token);
});

test('a value is refused as an argument, and if it is empty, too short or has several lines', async () => {
  for (const [args, input] of [
    [['secret', 'set', 'other', 'typed-value'], ''],
    [['secret', 'set', 'other'], ''],
    [['secret', 'set', 'other'], 'abc\n'],
    [['secret', 'set', 'other'], 'first\nsecond\n'],
    [['secret', 'set', '../other'], 'long enough'],
    [['secret', 'set', 'other'], 'x'.repeat(70_000)],
  ] as const) {
    const run = await home.rbee(args, { input });
    assert.notEqual(run.code, 0, args.join(' '));
    assert.ok(!run.stderr.includes('first'), run.stderr);
  }
  const { secrets } = await home.json(['secret', 'list']);
  assert.equal(secrets.length, 3);
});

test('a secret that cannot be used is refused by name before anything starts', async () => {
  const missing = await home.rbee(['worker', 'spawn', '--type', 'teller', '--option', 'token=secret:tokn']);
  assert.match(missing.stderr, /there is no secret tokn.*did you mean token/s);
  // The type is not looked for either.
  const unknown = await home.rbee(['worker', 'spawn', '--type', 'nothing', '--option', 'token=secret:tokn']);
  assert.match(unknown.stderr, /there is no secret tokn/);

  const plain = await home.rbee(['worker', 'spawn', '--type', 'teller', '--option', `token=${newer}`]);
  assert.match(plain.stderr, /is a secret and cannot be given as plain text/);
  assert.match(plain.stderr, /rbee secret set NAME/);
  showsNone(plain.stdout + plain.stderr);

  const none = await home.rbee(['worker', 'spawn', '--type', 'teller', '--env', 'LD_PRELOAD=/x.so']);
  assert.match(none.stderr, /does not accept the variable LD_PRELOAD/);
  const notSecret = await home.rbee(['worker', 'spawn', '--type', 'teller', '--option', 'fails=secret:token']);
  assert.match(notSecret.stderr, /it is not a secret/);
  const leak = await home.rbee(['worker', 'spawn', '--type', 'teller', '--option', 'leak=secret:token']);
  assert.match(leak.stderr, /it puts secret:token among the arguments/);
  assert.deepEqual((await home.json(['worker', 'list'])).workers, []);
  assert.deepEqual(
    filesWithValues().filter((file) => !isSecretFile(file)),
    [],
  );
});

test('only the engine gets the values', async () => {
  const worker = await spawn(
    ...['--id', 'one', '--option', 'token=secret:token', '--option', 'key=secret:key'],
    ...['--env', 'HF_TOKEN=secret:hf-token', '--env', 'TELLER_NOTE=plain words'],
  );
  assert.equal(worker.options.token, 'secret:token');
  showsNone(JSON.stringify(worker));

  const { url } = (await home.json(['queen', 'status'])) as { url: string };
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'teller', messages: [{ role: 'user', content: 'tell' }] }),
  });
  const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] };
  const told = JSON.parse(choices[0]?.message.content ?? '');
  assert.deepEqual(
    [told.token, told.key, told.hf, told.note, told.stolen],
    [token, key, hf, 'plain words', 'secret:not-mine'],
  );
  showsNone(JSON.stringify(told.argv));
  assert.ok(!JSON.stringify(told.argv).includes('secret:'));

  const log = await home.rbee(['worker', 'logs', 'one']);
  assert.match(log.stdout, /I was given .*secret:token/);
  showsNone(log.stdout);
});

test('a followed log never shows a value, even one that arrives in two pieces', async () => {
  const following = home.start(['worker', 'logs', 'one', '--follow', '--lines', '0']);
  let shown = '';
  const seen = new Promise<void>((resolve) => {
    following.stdout?.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      if (/asked, with secret:token\.\n/.test(shown)) resolve();
    });
  });
  // Until it follows: each answer adds a line.
  let isSeen = false;
  const infer = async () => {
    while (!isSeen) {
      const run = await home.rbee(['infer', '-m', 'teller', 'tell']);
      assert.equal(run.code, 0, run.stderr);
      showsNone(run.stdout + run.stderr);
    }
  };
  await Promise.race([seen, infer()]);
  isSeen = true;
  following.kill('SIGINT');
  showsNone(shown);
});

test('a failed start reports what happened without the value', async () => {
  const run = await home.rbee([
    ...['worker', 'spawn', '--type', 'teller', '--id', 'failing'],
    ...['--option', 'token=secret:token', '--option', 'fails=true'],
  ]);
  assert.notEqual(run.code, 0);
  assert.match(run.stderr, /it said: I do not like secret:token/);
  showsNone(run.stdout + run.stderr);
  const log = await home.rbee(['worker', 'logs', 'failing']);
  assert.match(log.stdout, /its start failed/);
  showsNone(log.stdout);
  for (const args of [['job', 'list'], ['status', '--verbose'], ['worker', 'list'], ['queen', 'logs'], ['doctor']]) {
    const run = await home.rbee([...args, '--json']);
    showsNone(run.stdout + run.stderr);
  }
});

test('a new value takes effect with a restart, and not before', async () => {
  const asked = async () => (await home.rbee(['worker', 'logs', 'one', '--lines', '1000'])).stdout;
  await home.json(['secret', 'set', 'token'], { input: newer });
  const given = () => readFileSync(join(home.paths.logs, 'worker-one.log'), 'utf8');
  assert.ok(!given().includes(newer));
  await home.json(['worker', 'restart', 'one']);
  assert.ok(given().includes(newer));
  showsNone(await asked());
  const { secrets } = await home.json(['secret', 'list']);
  const uses = secrets.find(({ name }: { name: string }) => name === 'token').uses;
  assert.deepEqual(uses, [{ kind: 'worker', hive: 'local', worker: 'one', state: 'ready' }]);
});

test('deleting a secret lists who uses it, and a restart without it is refused while the worker keeps running', async () => {
  const conf = join(home.paths.config, 'hives.conf');
  writeFileSync(
    conf,
    `[[hive]]\nalias = "local"\n[[hive.run]]\ntype = "teller"\nenvironment = { HF_TOKEN = "secret:hf-token" }\n`,
  );
  const run = await home.rbee(['secret', 'delete', 'hf-token']);
  assert.match(run.stdout, /worker one of hive local \(ready\)/);
  assert.match(run.stdout, /teller of hive local in hives.conf \(line 3\)/);
  const restart = await home.rbee(['worker', 'restart', 'one']);
  assert.match(restart.stderr, /there is no secret hf-token/);
  assert.equal((await home.json(['worker', 'get', 'one'])).state, 'ready');

  const again = await home.rbee(['secret', 'delete', 'hf-token']);
  assert.match(again.stderr, /there is no secret hf-token/);
  const synced = await home.rbee(['sync']);
  assert.match(synced.stdout + synced.stderr, /there is no secret hf-token/);
  assert.equal((await home.json(['worker', 'list'])).workers.length, 1);
});

test('only the secrets hold a value, and the log of a worker while it runs', async () => {
  const others = () => filesWithValues().filter((file) => !isSecretFile(file));
  assert.deepEqual(
    others().map((file) => basename(file)),
    ['worker-one.log'],
  );
  await home.json(['worker', 'stop', 'one']);
  assert.deepEqual(others(), []);
  const atHive = join(home.paths.state, 'secrets');
  const kept = () => globSync('*', { cwd: atHive }).sort();
  assert.deepEqual(kept(), ['hf-token', 'key', 'token'], relative(home.folder, atHive));
  await home.json(['worker', 'delete', 'one']);
  assert.deepEqual(kept(), []);
});
