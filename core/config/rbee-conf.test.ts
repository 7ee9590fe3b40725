import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RbeeError } from '../contract/errors.ts';
import { pathsFrom } from './paths.ts';
import { listenAddresses, parseRbeeConf, rbeeConfProblems } from './rbee-conf.ts';

const problem = (source: string): RbeeError => {
  try {
    parseRbeeConf(source, 'rbee.conf');
  } catch (error) {
    assert.ok(error instanceof RbeeError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error;
  }
  throw new Error('the text was taken');
};

test('an empty file gives the defaults', () => {
  assert.deepEqual(parseRbeeConf('', 'rbee.conf'), {
    queen: {
      mode: 'attached-hive',
      port: 8500,
      bind: '127.0.0.1',
      autoStart: true,
      allowedOrigins: [],
      maxBody: 1_073_741_824,
    },
    gateway: {
      listen: null,
      keys: 'auto',
      tlsCert: null,
      tlsKey: null,
      allowedHosts: [],
      allowedOrigins: [],
      maxWait: 120,
      aliases: new Map(),
    },
    hive: { workerPorts: '18000-18999' },
    package: { maxConcurrentInstalls: 10, sshTimeout: 30, healthCheckTimeout: 60 },
    registry: { url: null, allowedScopes: [] },
  });
});

test('a setting replaces only its own default', () => {
  const config = parseRbeeConf(
    '[queen]\nmode = "standalone"\nport = 0\n[hive]\nworker_ports = "2000-2010"\n',
    'rbee.conf',
  );
  assert.equal(config.queen.mode, 'standalone');
  assert.equal(config.queen.port, 0);
  assert.equal(config.queen.bind, '127.0.0.1');
  assert.equal(config.hive.workerPorts, '2000-2010');
});

test('an unknown key is refused with its position and a similar name', () => {
  const error = problem('# mine\n[queen]\n  prot = 1\n');
  assert.match(error.message, /^rbee\.conf:3:3: there is no key in \[queen\] named prot$/);
  assert.equal(error.hint, 'did you mean port?');
});

test('an unknown section is refused with its position', () => {
  assert.match(problem('\n[quen]\nport = 1\n').message, /^rbee\.conf:2:2: there is no section named quen/);
});

test('values of the wrong kind or out of range are refused', () => {
  for (const line of [
    'port = "x"',
    'port = 70000',
    'port = 1.5',
    'mode = "both"',
    'auto_start = 1',
    'allowed_origins = ["x"]',
    'bind = "example.com"',
    'bind = "0.0.0.0:80"',
    'max_body = "much"',
    'max_body = "10 KiB"',
    'max_body = true',
  ]) {
    assert.match(problem(`[queen]\n${line}\n`).message, /^rbee\.conf:2:1: /, line);
  }
  for (const range of ['18999-18000', '80-90', '2000', '2000-99999']) {
    assert.match(problem(`[hive]\nworker_ports = "${range}"\n`).message, /worker_ports must be a range/);
  }
});

test('addresses, hosts, origins and files for TLS', () => {
  const read = (text: string) => parseRbeeConf(`[gateway]\n${text}\n`, 'rbee.conf').gateway;
  assert.deepEqual(
    read('listen = ["127.0.0.1:8500", "[::1]:11434", "https://0.0.0.0:8443"]\ntls_cert = "a"\ntls_key = "b"').listen,
    [
      { host: '127.0.0.1', port: 8500, tls: false },
      { host: '::1', port: 11434, tls: false },
      { host: '0.0.0.0', port: 8443, tls: true },
    ],
  );
  const origins =
    'allowed_origins = ["app://obsidian.md", "tauri://localhost/", "http://localhost:80", "HTTPS://Chat.example:443", "*"]';
  assert.deepEqual(read(origins).allowedOrigins, [
    'app://obsidian.md',
    'tauri://localhost',
    'http://localhost',
    'https://chat.example',
    '*',
  ]);
  assert.deepEqual(read('allowed_hosts = ["AI.example", "*.lan"]').allowedHosts, ['ai.example', '*.lan']);
  for (const [line, part] of [
    ['listen = []', 'listen must be a list of addresses'],
    ['listen = ["8500"]', 'listen must be'],
    ['listen = ["example.com:80"]', 'listen must be'],
    ['listen = ["::1:80"]', 'listen must be'],
    ['listen = ["127.0.0.1:70000"]', 'listen must be'],
    ['listen = ["https://127.0.0.1:443"]', 'an https:// address needs a certificate'],
    ['tls_cert = "a"', 'tls_key is missing'],
    ['keys = "never"', 'keys must be one of "auto", "always"'],
    ['allowed_hosts = ["a.example:80"]', 'allowed_hosts must be'],
    ['allowed_origins = ["example.com"]', 'allowed_origins must be'],
    ['max_wait = -1', 'max_wait must be'],
  ] as const) {
    assert.match(problem(`[gateway]\n${line}\n`).message, new RegExp(`^rbee\\.conf:2:1: .*${part}`), line);
  }
  assert.deepEqual(listenAddresses(parseRbeeConf('[queen]\nport = 9\nbind = "::1"\n', 'rbee.conf')), [
    { host: '::1', port: 9, tls: false },
  ]);
});

test('broken TOML is refused with line and column', () => {
  assert.match(problem('[queen]\nport = \n').message, /^rbee\.conf:2:\d+: /);
});

test('all problems are reported at once', () => {
  const error = problem('[queen]\nport = "x"\nprot = 1\n[quen]\n[hive]\nworker_ports = "1"\n');
  const found = [error.message, ...error.lines].map((line) => /(\d+:\d+): /.exec(line)?.[1]);
  assert.deepEqual(found, ['2:1', '3:1', '4:2', '6:1']);
});

test('a value where a section belongs is refused', () => {
  assert.match(problem('queen = 1\n').message, /queen must be a section/);
});

test('the plugin registry and the allowed scopes can be set', () => {
  const { registry } = parseRbeeConf(
    '[registry]\nurl = "https://npm.acme.org/"\nallowed_scopes = ["@acme"]\n',
    'rbee.conf',
  );
  assert.deepEqual(registry, { url: 'https://npm.acme.org/', allowedScopes: ['@acme'] });
  for (const line of ['url = "npm.acme.org"', 'allowed_scopes = "@acme"', 'allowed_scopes = ["@Acme Inc"]']) {
    assert.match(problem(`[registry]\n${line}\n`).message, /^rbee\.conf:2:1: /, line);
  }
});

test('the maximum body is a size or a number of bytes', () => {
  for (const [written, bytes] of [
    ['"512MiB"', 536_870_912],
    ['"2 GB"', 2_000_000_000],
    ['1048576', 1_048_576],
  ] as const)
    assert.equal(parseRbeeConf(`[queen]\nmax_body = ${written}\n`, 'rbee.conf').queen.maxBody, bytes);
});

test('the list of all problems is available', () => {
  const home = mkdtempSync(join(tmpdir(), 'rbee-conf-'));
  try {
    const paths = pathsFrom({ RBEE_HOME: home });
    assert.deepEqual(rbeeConfProblems(paths), []);
    mkdirSync(paths.config);
    writeFileSync(paths.rbeeConf, 'hives = 1\n[queen]\nbind = "0.0.0"\nprot = 1\nport = 70000\n[quen]\n');
    assert.deepEqual(
      rbeeConfProblems(paths).map(({ message }) =>
        message.slice(home.length + '/config/rbee.conf:'.length, -1).slice(0, 24),
      ),
      [
        '1:1: there is no section',
        '3:1: bind must be an IP ',
        '4:1: there is no key in ',
        '5:1: port must be a port',
        '6:2: there is no section',
      ],
    );
    writeFileSync(paths.rbeeConf, '[queen');
    assert.equal(rbeeConfProblems(paths).length, 1);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test('aliases are names of their own, each for a served name', () => {
  const read = (lines: string) => parseRbeeConf(`[aliases]\n${lines}\n`, 'rbee.conf').gateway.aliases;
  assert.deepEqual(
    [...read('"gpt-4o" = "qwen3-8b"\n"text/é v1.0" = "org/demo:q4"\n__proto__ = "demo"')],
    [
      ['gpt-4o', 'qwen3-8b'],
      ['text/é v1.0', 'org/demo:q4'],
      ['__proto__', 'demo'],
    ],
  );
  for (const [line, part] of [
    ['fast = 3', 'fast must be the name of a model'],
    ['fast = ""', 'fast must be the name of a model'],
    ['fast = " demo"', 'fast must be the name of a model'],
    ['fast.er = "demo"', 'fast must be the name of a model'],
    ['"" = "demo"', 'an alias must have 1 to 256 characters'],
    ['fast = "fast"', 'the alias fast stands for itself'],
    ['fast = "more"\nmore = "demo"', 'fast stands for more, which is an alias too'],
  ] as const)
    assert.match(problem(`[aliases]\n${line}\n`).message, new RegExp(`^rbee\\.conf:2:1: .*${part}`), line);
  assert.match(problem('aliases = 1\n').message, /aliases must be a section/);
});
