/** Keys as people use them: created, used over the network by the command line and by HTTP clients, rotated and revoked. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';

let home: TestHome;
/** Another machine of the user, with nothing but the address and a key. */
let laptop: TestHome;
let plain: string;
let secure: string | undefined;
let key: string;
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

const certificate = (folder: string): { cert: string; key: string } => {
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const about = [
    '-subj',
    '/CN=rbee',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    '-keyout',
    files.key,
    '-out',
    files.cert,
  ];
  assert.equal(spawnSync('openssl', [...args, ...about]).status, 0);
  return files;
};

before(async () => {
  home = createHome();
  laptop = createHome({ plugins: [] });
  const tls = hasOpenssl ? certificate(home.folder) : undefined;
  const addresses = ['"127.0.0.1:0"', ...(tls ? ['"https://127.0.0.1:0"'] : [])];
  const files = tls ? `tls_cert = "${tls.cert}"\ntls_key = "${tls.key}"\n` : '';
  const conf = readFileSync(home.paths.rbeeConf, 'utf8').replace(/^port = 0\n/m, '');
  writeFileSync(home.paths.rbeeConf, `${conf}[gateway]\nlisten = [${addresses.join(', ')}]\nkeys = "always"\n${files}`);
  const created = await home.rbee(['key', 'create', 'ci', '--scope', 'operate', '--expires', '1d']);
  assert.equal(created.code, 0, created.stderr);
  key = created.stdout.trim();
  const { urls } = (await home.json(['status'])).queen;
  [plain, secure] = urls;
});
after(() => Promise.all([home?.close(), laptop?.close()]));

const over = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  laptop.rbee(args, { env: { RBEE_QUEEN: plain, RBEE_KEY: key, ...env } });

test('a new key is alone on stdout, so that a script can keep it, and is not shown again', async () => {
  assert.match(key, /^rbee_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$/);
  const shown = await home.rbee(['key', 'list']);
  assert.match(shown.stdout, /^ci +[a-z0-9]{8} +operate +valid/m);
  assert.ok(!shown.stdout.includes(key.slice(14)));
  const asJson = await home.json(['key', 'create', 'second', '--model', 'demo', '--requests-per-minute', '5']);
  assert.match(asJson.key, /^rbee_/);
  assert.deepEqual([asJson.models, asJson.requestsPerMinute, asJson.scope], [['demo'], 5, 'infer']);
});

test('mistakes in creating a key say what to write', async () => {
  for (const [args, says] of [
    [['a b'], /letters, digits and \. _ @ -/],
    [['x', '--expires', 'tomorrow'], /write 12h, 30d or 2027-01-31/],
    [['x', '--expires', '2001-01-01'], /is in the past/],
    [['x', '--scope', 'owner'], /infer, operate, admin/],
    [['x', '--scope', 'admin', '--model', 'demo'], /cannot be limited to models/],
    [['ci'], /there already is a key ci/],
  ] as const) {
    const run = await home.rbee(['key', 'create', ...args]);
    assert.notEqual(run.code, 0, args.join(' '));
    assert.match(run.stderr, says);
    assert.equal(run.stdout, '');
  }
});

test('the command line steers a queen elsewhere, within the scope of its key', async () => {
  const spawned = await over(['worker', 'spawn', '--type', 'fake', '--device', 'cpu', '--name', 'far']);
  assert.equal(spawned.code, 0, spawned.stderr);
  const status = await over(['status']);
  assert.match(status.stdout, new RegExp(`^queen +running +${plain}`, 'm'));
  assert.match(status.stdout, /far/);
  const answer = await over(['infer', '-m', 'far', '--max-tokens', '2', 'Hello']);
  assert.match(answer.stdout, /token1 token2/);
  const refused = await over(['plugins', 'install', 'comfyui']);
  assert.match(refused.stderr, /worker_install needs a key with scope admin, and key ci has operate/);
  const http = await fetch(`${plain}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(http.status, 200);
});

test('what acts on this machine is refused while RBEE_QUEEN names another', async () => {
  for (const args of [
    ['queen', 'stop'],
    ['queen', 'start'],
    ['queen', 'logs'],
    ['doctor'],
    ['demo'],
    ['plugins', 'link'],
  ]) {
    const run = await over(args);
    assert.equal(run.code, 2, args.join(' '));
    assert.match(run.stderr, /works on this machine, but RBEE_QUEEN names the queen at http/);
  }
  assert.deepEqual(laptop.processes(), [], 'nothing was started here');
});

test('paths and names are those of the other machine', async () => {
  for (const args of [
    ['worker', 'spawn', '--type', 'fake', '--model', './tiny.gguf'],
    ['plugins', 'install', './plugin'],
    ['status', '--config', 'hives.conf'],
  ]) {
    const run = await over(args);
    assert.equal(run.code, 2, args.join(' '));
    assert.match(run.stderr, /is relative, but RBEE_QUEEN names a queen elsewhere/);
  }
  assert.match((await over(['__complete', '--', 'infer', '-m', ''])).stdout, /^far/m);
  const failing = await over(['__complete', '--', 'infer', '-m', ''], { RBEE_KEY: 'sk-wrong' });
  assert.deepEqual([failing.code, failing.stderr], [0, '']);
});

test('an address or a key that does not work is named', async () => {
  for (const [env, says] of [
    [{ RBEE_QUEEN: 'https://me:hidden@ai.example' }, /"https:\/\/ai\.example" is not an address/],
    [{ RBEE_QUEEN: 'nonsense' }, /RBEE_QUEEN is not valid: "nonsense" is not an address/],
    [
      { RBEE_QUEEN: 'http://127.0.0.1:1' },
      /the queen at http:\/\/127\.0\.0\.1:1 cannot be used: nothing listens there/,
    ],
    [{ RBEE_QUEEN: plain.replace('http:', 'https:') }, /it does not speak TLS there/],
    [{ RBEE_KEY: 'sk-wrong' }, /RBEE_KEY is not valid: it holds no whole key/],
    [{ RBEE_KEY: '' }, /this request needs an API key.*\n.*give the command a key in RBEE_KEY/],
    [{ RBEE_KEY: key.replace(/.$/, (end) => (end === 'A' ? 'B' : 'A')) }, /this queen has no such key/],
  ] as const) {
    const run = await over(['status'], env);
    assert.notEqual(run.code, 0);
    assert.match(run.stderr, says);
    assert.ok(!run.stderr.includes(key.slice(20)));
  }
});

test('a key can be in a file that only its owner can read', async () => {
  const file = join(laptop.paths.config, 'key');
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  const env = { RBEE_KEY: '' };
  assert.equal((await over(['status'], env)).code, 0);
  chmodSync(file, 0o644);
  assert.match((await over(['status'], env)).stderr, /other users may read or write it/);
  chmodSync(file, 0o600);
  const other = join(laptop.folder, 'other-key');
  writeFileSync(other, 'rbee_x', { mode: 0o600 });
  assert.match((await over(['status'], { ...env, RBEE_KEY_FILE: other })).stderr, /it holds no whole key/);
  assert.match((await over(['status'], { ...env, RBEE_KEY_FILE: `${other}-none` })).stderr, /it does not exist/);
});

test('TLS is verified, with the certificate authority that Node is given', {
  skip: !hasOpenssl && 'needs openssl',
}, async () => {
  const env = { RBEE_QUEEN: secure };
  assert.match((await over(['status'], env)).stderr, /its certificate is not accepted/);
  const trusting = await over(['status'], { ...env, NODE_EXTRA_CA_CERTS: join(home.folder, 'tls.crt') });
  assert.equal(trusting.code, 0, trusting.stderr);
});

test('a rotated key ends after its grace, and a revoked one at once', async () => {
  const rotated = await home.rbee(['key', 'rotate', 'ci', '--grace', '1h']);
  const next = rotated.stdout.trim();
  for (const RBEE_KEY of [key, next]) assert.equal((await over(['worker', 'list'], { RBEE_KEY })).code, 0);
  assert.match((await home.rbee(['key', 'revoke', 'cii'])).stderr, /did you mean ci\?/);
  assert.equal((await home.rbee(['key', 'revoke', 'ci'])).code, 0);
  for (const RBEE_KEY of [key, next])
    assert.match((await over(['worker', 'list'], { RBEE_KEY })).stderr, /the API key is not valid: it was revoked/);
});

test('the audit shows who did what, from where', async () => {
  const run = await home.rbee(['audit']);
  assert.match(run.stdout, /ci +127\.0\.0\.1 +worker_spawn +succeeded +type fake, device cpu, name far/);
  assert.match(run.stdout, /ci +127\.0\.0\.1 +worker_install +refused \(SCOPE_MISSING\)/);
  assert.match(run.stdout, /owner +socket +key_revoke +succeeded +key ci/);
  assert.ok(!run.stdout.includes(key.slice(14)));
});
