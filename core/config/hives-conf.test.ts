import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { RbeeError } from '../contract/errors.ts';
import { examples, readExample } from './examples.ts';
import { jumpsOf, loadHivesConf, parseHivesConf, pickHives } from './hives-conf.ts';
import { parseRbeeConf } from './rbee-conf.ts';
import { singleErrors } from './toml.ts';

const refused = (work: () => unknown): RbeeError => {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof RbeeError);
    return error;
  }
  throw new Error('it was taken');
};

const problem = (source: string): RbeeError => {
  const error = refused(() => parseHivesConf(source, 'hives.conf'));
  assert.equal(error.code, 'CONFIG_INVALID');
  return error;
};

const of = (body: string) => parseHivesConf(`[[hive]]\nalias = "a"\n${body}`, 'hives.conf').hives[0]!;

describe('the commented examples', () => {
  it('are read by the parsers that they document', () => {
    const { hives } = parseHivesConf(readExample('hives'), 'hives.conf');
    assert.deepEqual(
      hives.map(({ alias }) => alias),
      ['attic', 'gpu-1', 'local'],
    );
    assert.equal(hives[1]?.run[1]?.memoryLimit, 16 * 1024 ** 3);
    assert.deepEqual(parseRbeeConf(readExample('rbee'), 'rbee.conf'), parseRbeeConf('', 'rbee.conf'));
    assert.deepEqual(Object.keys(examples), ['hives', 'rbee']);
  });

  it('show every key', () => {
    const text = readExample('hives');
    for (const [table, known] of [
      ['', problem('[[hive]]\nalias = "a"\nqqqqqqqqqqqq = 1\n').hint],
      ['workers', problem('[[hive]]\nalias = "a"\nworkers = [{ type = "x", qqqqqqqqqqqqq = 1 }]\n').hint],
      ['run', problem('[[hive]]\nalias = "a"\nrun = [{ type = "x", qqqqqqqqqqqqqq = 1 }]\n').hint],
    ] as const) {
      const keys = known.replace('known: ', '').split(', ');
      assert.ok(keys.length >= 3, known);
      for (const key of keys) assert.match(text, new RegExp(`(^|[{ \\[.])${key}( =|\\]\\])`, 'm'), `${table} ${key}`);
    }
  });
});

describe('a hive', () => {
  it('needs only an alias, and has defaults for the rest', () => {
    const { line, ...hive } = of('');
    assert.equal(line, 1);
    assert.deepEqual(hive, {
      alias: 'a',
      hostname: 'a',
      sshUser: null,
      sshPort: null,
      hivePort: 8600,
      workerPorts: '18000-18999',
      autoStart: true,
      identityFile: null,
      proxyJump: null,
      labels: {},
      workers: [],
      models: [],
      run: [],
    });
    assert.match(problem('[[hive]]\nhostname = "x"\n').message, /:1:3: this hive has no alias$/);
  });

  it('may have an IPv4 or IPv6 address', () => {
    for (const [written, meant] of [
      ['10.0.0.1', '10.0.0.1'],
      ['::1', '::1'],
      ['[fe80::1%eth0]', 'fe80::1%eth0'],
      ['gpu_1.lan', 'gpu_1.lan'],
    ]) {
      assert.equal(of(`hostname = "${written}"`).hostname, meant);
    }
  });

  it('refuses values that ssh would take for flags', () => {
    for (const line of [
      'hostname = "-oProxyCommand=touch /tmp/x"',
      'hostname = "a b"',
      'hostname = "a;b"',
      'ssh_user = "-l root"',
      'ssh_user = "a b"',
      'proxy_jump = "-oProxyCommand=x"',
      'proxy_jump = "a b@$(x)"',
      'identity_file = "key"',
      'identity_file = "-x"',
    ]) {
      assert.match(problem(`[[hive]]\nalias = "a"\n${line}\n`).message, /^hives\.conf:3:1: /, line);
    }
    assert.match(problem('[[hive]]\nalias = "a"\nhostname = "me@a"').message, /ssh_user/);
    assert.match(problem('[[hive]]\nalias = "a"\nhostname = "a:22"').message, /ssh_port/);
  });

  it('is refused with the position of the mistake and a suggestion', () => {
    for (const [body, message, hint] of [
      ['hostnam = "x"', '3:1: there is no key in [[hive]] named hostnam', 'did you mean hostname?'],
      ['ssh_port = "22"', '3:1: ssh_port must be a port, 1 to 65535', 'its value is "22"'],
      ['ssh_port = 0', '3:1: ssh_port must be a port, 1 to 65535', 'its value is 0'],
      ['auto_start = 1', '3:1: auto_start must be true or false', 'its value is 1'],
      ['labels = { a = 1 }', '3:1: labels must be a table of strings such as { room = "lab" }', 'its value is {"a":1}'],
      [
        'workers = [\n  { type = "vllm", verson = "1" },\n]',
        '4:20: there is no key in workers named verson',
        'did you mean version?',
      ],
      ['workers = ["vllm"]', '3:12: each entry of workers must be a table, not "vllm"', 'write it as { type = … }'],
      ['workers = [{ variant = "cpu" }]', '3:12: this entry of workers has no type', 'add: type = …'],
      [
        'workers = [{ type = "vllm", version = "^^1" }]',
        '3:29: version must be a version, a range or a tag',
        'its value is "^^1"',
      ],
      ['models = ["Qwen/Qwen3"]', '3:11: "Qwen/Qwen3" is not a model reference: did you mean hf:Qwen/Qwen3?', /hf:org/],
      ['models = ["file:x.gguf"]', '3:11: "file:x.gguf" is not an absolute path', /begins with \//],
      ['models = ["demo"]', '3:11: the demo model is part of its worker type', /remove it from models/],
      ['models = ["hf:a/b", "hf:a/b"]', '3:21: hf:a/b is listed twice', /remove one/],
      ['[[hive.run]]\ntype = "vllm"\ndevice = "cuda;0"', '5:1: "cuda;0" is not a device', /devices are written like/],
      ['[[hive.run]]\ntype = "vllm"\ndevice = "gpu0"', '5:1: "gpu0" is not a device', /cuda:0/],
      ['[hive.run]\ntype = "vllm"', '3:7: run must be a list', 'its value is {"type":"vllm"}'],
      [
        'run = [{ type = "vllm", memory_limit = "lots" }]',
        '3:25: memory_limit must be a size such as "8GiB", at least 1MiB',
        'its value is "lots"',
      ],
      [
        'run = [{ type = "vllm", options = { since = 2020-01-01 } }]',
        /3:37: option since has an unsupported type/,
        /string/,
      ],
      ['run = [{ type = "vllm", components = { "../x" = "demo" } }]', /3:40: "\.\.\/x" is not the name/, /mmproj/],
      ['run = [{ type = "vllm", replicas = -1 }]', '3:25: replicas must be a number of workers, 0 to 1000', /-1/],
    ] as const) {
      const error = problem(`[[hive]]\nalias = "a"\n${body}\n`);
      if (typeof message === 'string') assert.equal(error.message, `hives.conf:${message}`, body);
      else assert.match(error.message, message, body);
      if (typeof hint === 'string') assert.equal(error.hint, hint, body);
      else assert.match(error.hint, hint, body);
    }
  });

  it('has canonical names of worker types, models and devices', () => {
    const { workers, models, run } = of(
      `workers = [{ type = "llama.cpp" }, { type = "Stable-Diffusion", version = " ^1 ", variant = "cuda" }]
models = ["hf://a/b:Q4_K_M"]
run = [{ type = "llama-cpp", device = "CUDA", model = "/m.gguf" }]`,
    );
    assert.deepEqual(workers, [
      { type: 'llamacpp', version: 'latest', variant: null, line: 3 },
      { type: 'sd', version: '^1', variant: 'cuda', line: 3 },
    ]);
    assert.deepEqual(models, ['hf:a/b:Q4_K_M']);
    assert.equal(run[0]?.type, 'llamacpp');
    assert.equal(run[0]?.device, 'cuda:0');
    assert.equal(run[0]?.model, 'file:/m.gguf');
  });

  it('may have several variants of a type, in one version', () => {
    const two = (second: string) => `workers = [{ type = "llamacpp", variant = "cpu" }, ${second}]`;
    assert.equal(of(two('{ type = "llama-cpp", variant = "cuda" }')).workers.length, 2);
    const same = problem(`[[hive]]\nalias = "a"\n${two('{ type = "llama-cpp", variant = "cpu" }')}`);
    assert.equal(same.message, 'hives.conf:3:54: llamacpp (cpu) is listed twice');
    const other = problem(`[[hive]]\nalias = "a"\n${two('{ type = "llamacpp", variant = "cuda", version = "1" }')}`);
    assert.match(other.message, /llamacpp is "1" here and "latest" above/);
  });
});

describe('the hives of a file', () => {
  it('have unique aliases, machines and ids', () => {
    const two = (first: string, second: string) => problem(`[[hive]]\n${first}\n[[hive]]\n${second}\n`);
    assert.equal(two('alias = "a"', 'alias = "a"').message, 'hives.conf:4:1: the alias a is already used on line 1');
    assert.match(
      two('alias = "a"', 'alias = "b"\nhostname = "A"').message,
      /:5:1: b is the same machine and user as a/,
    );
    const run = 'run = [{ type = "x", id = "w" }]';
    assert.match(
      two(`alias = "a"\n${run}`, `alias = "b"\n${run}`).message,
      /:6:22: the id w is already used by a worker of hive a/,
    );
    assert.match(
      problem('[[hive]]\nalias = "a"\nrun = [{ type = "x", id = "w", replicas = 2 }, { type = "x", id = "w-r2" }]')
        .message,
      /:3:62: the id w-r2 is already used/,
    );
  });

  it('serve only one model under a name', () => {
    const hive = (alias: string, entry: string) => `[[hive]]\nalias = "${alias}"\nrun = [{ type = "x", ${entry} }]\n`;
    const same = hive('a', 'model = "hf:o/m-GGUF"') + hive('b', 'model = "hf:o/m-GGUF"');
    assert.equal(parseHivesConf(same, 'hives.conf').hives.length, 2);
    const other = problem(hive('a', 'model = "hf:o/m-GGUF"') + hive('b', 'model = "hf:p/M"'));
    assert.equal(other.message, 'hives.conf:6:22: the name m already means hf:o/m-GGUF on hive a');
    assert.match(problem(hive('a', 'name = "m"') + hive('b', 'model = "hf:p/m"')).message, /means another model/);
  });

  it('may be jump hosts of each other, but not in a circle', () => {
    const hive = (alias: string, jump: string) => `[[hive]]\nalias = "${alias}"\nproxy_jump = "${jump}"\n`;
    const chain = parseHivesConf(`${hive('a', 'b, me@c.lan:2222')}${hive('b', 'none')}`, 'hives.conf');
    assert.deepEqual(chain.hives.map(jumpsOf), [['b', 'me@c.lan:2222'], []]);
    assert.equal(
      problem(hive('a', 'b') + hive('b', 'c') + hive('c', 'a')).message,
      'hives.conf:3:1: the jump hosts form a circle: a over b over c over a',
    );
    assert.match(problem(hive('a', 'a')).message, /a over a/);
    // Reported once, for one machine of the circle.
    const lines = problem(hive('z', 'a') + hive('a', 'b') + hive('b', 'a'));
    assert.match(lines.message, /^hives\.conf:6:1: .* a over b over a$/);
    assert.deepEqual(lines.lines, []);
    assert.match(problem(`[[hive]]\nalias = "local"\n${hive('a', 'local')}`).message, /machine of the queen/);
  });

  // Thirty entries with two jumps each have a billion routes, and each used to be reported.
  it('are reached through at most eight jump hosts', () => {
    const hives = (count: number, jump: (nth: number) => string) =>
      Array.from({ length: count }, (_, nth) => {
        const way = nth === 0 ? '' : `proxy_jump = "${jump(nth)}"\n`;
        return `[[hive]]\nalias = "h${nth}"\n${way}`;
      }).join('');
    assert.equal(
      parseHivesConf(
        hives(9, (nth) => `h${nth - 1}`),
        'hives.conf',
      ).hives.length,
      9,
    );
    const { message } = problem(hives(10, (nth) => `h${nth - 1}`));
    assert.equal(message, 'hives.conf:29:1: more than 8 jump hosts in a row');
    assert.match(problem(hives(40, (nth) => `h${nth - 1},h${nth - 1}`)).message, /more than 8 jump hosts/);
    assert.match(problem(hives(5_000, (nth) => `h${nth - 1}`)).lines.at(-1) ?? '', /^and \d+ more$/);
  });

  it('are chosen by alias, and an unknown one is refused with a similar name', () => {
    const conf = parseHivesConf('[[hive]]\nalias = "gpu1"\n[[hive]]\nalias = "gpu2"\n', 'hives.conf');
    assert.deepEqual(
      pickHives(conf, ['gpu2']).map(({ alias }) => alias),
      ['gpu2'],
    );
    assert.equal(pickHives(conf, undefined).length, 2);
    const error = refused(() => pickHives(conf, ['gpu3']));
    assert.equal(error.code, 'HIVE_NOT_DECLARED');
    assert.match(error.message, /did you mean gpu1 or gpu2/);
  });
});

describe('the machine of the queen', () => {
  it('is called local and takes no SSH settings', () => {
    assert.equal(parseHivesConf('[[hive]]\nalias = "local"\n', 'h').hives[0]?.hostname, 'localhost');
    assert.equal(parseHivesConf('[[hive]]\nalias = "local"\nhostname = "::1"\n', 'h').hives[0]?.hostname, '::1');
    for (const line of ['ssh_port = 22', 'ssh_user = "x"', 'proxy_jump = "b"', 'hostname = "gpu1"', 'hive_port = 1']) {
      assert.match(problem(`[[hive]]\nalias = "local"\n${line}\n`).message, /^hives\.conf:3:1: local is the/, line);
    }
  });
});

describe('the file', () => {
  // Each problem used to be reported only after the previous one was fixed.
  it('reports all problems at once, in text order', () => {
    const error = problem(`[queen]
[[hive]]
alias = "a"
hostnam = "x"
ssh_port = "22"
workers = [{ type = "x", verson = "1" }, { variant = "cpu" }]
models = ["demo", "nothing", "hf:o/m", "hf:o/m"]
[[hive.run]]
device = "cuda;0"
[[hive.run]]
type = "x"
device = "gpu0"
replicas = -1
options = { since = 2020-01-01 }
[[hive]]
hostname = "b:22"
models = [5]
[[hive]]
alias = "a"
[[hive]]
alias = "local"
ssh_user = "me"
hive_port = 1
`);
    assert.match(error.message, /^hives\.conf:1:2: there is no table named queen$/);
    assert.deepEqual(
      error.lines.map((line) => line.replace(/ \(.*$/, '')),
      [
        '4:1: there is no key in [[hive]] named hostnam',
        '5:1: ssh_port must be a port, 1 to 65535',
        '6:26: there is no key in workers named verson',
        '6:42: this entry of workers has no type',
        '7:11: the demo model is part of its worker type',
        '7:19: "nothing" is not a model reference: it must start with hf:, https: or file:, be demo, or name a downloaded model',
        '7:40: hf:o/m is listed twice',
        '8:8: this entry of run has no type',
        '9:1: "cuda;0" is not a device',
        '12:1: "gpu0" is not a device',
        '13:1: replicas must be a number of workers, 0 to 1000',
        '14:13: option since has an unsupported type',
        '15:3: this hive has no alias',
        '16:1: hostname must not contain a port; set ssh_port instead',
        '17:11: a model must be a string',
        '19:1: the alias a is already used on line 2',
        '22:1: local is the machine of the queen and cannot have ssh_user',
        '23:1: local is the machine of the queen and cannot have hive_port',
      ],
    );
    assert.deepEqual(
      singleErrors(error)
        .map(({ code, message }) => [code, message.split(': ')[0]])
        .slice(0, 2),
      [
        ['CONFIG_INVALID', 'hives.conf:1:2'],
        ['CONFIG_INVALID', 'hives.conf:4:1'],
      ],
    );
  });

  it('shortens long values in messages', () => {
    const { message, hint } = problem(`[[hive]]\nalias = "${'x'.repeat(500_000)}"\n`);
    assert.ok(message.length + hint.length < 1_000);
    assert.ok(problem(`${'x'.repeat(500_000)} = 1\n`).message.length < 1_000);
  });

  // A read used to block on a pipe, and to accept a file of any size.
  it('is a regular file of at most 1 MiB', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'rbee-hives-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'hives.conf');
    execFileSync('mkfifo', ['-m', '600', file]);
    const pipe = refused(() => loadHivesConf(file));
    assert.match(pipe.message, /hives\.conf:1:1: it is not a regular file$/);
    rmSync(file);
    writeFileSync(file, `# ${'x'.repeat(2 ** 20)}\n`, { mode: 0o600 });
    assert.match(refused(() => loadHivesConf(file)).message, /it is larger than 1 MiB$/);
  });

  it('may use names of built-in object properties', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const one = of(`hostname = "${name}"\nlabels = { ${name} = "x" }\nworkers = [{ type = "constructor" }]`);
      assert.deepEqual([one.hostname, Object.entries(one.labels)], [name, [[name, 'x']]]);
      assert.match(problem(`${name} = 1\n`).message, /there is no table named/);
      assert.match(problem(`[[hive]]\nalias = "a"\n${name} = 1\n`).message, /there is no key in \[\[hive\]\] named/);
    }
  });

  it('has no other tables, and suggests [[hive]] for [hive]', () => {
    assert.equal(problem('[[hives]]\nalias = "a"\n').hint, 'did you mean hive?');
    assert.equal(problem('[hive]\nalias = "a"\n').hint, 'write it as [[hive]], since there may be several');
    assert.match(problem('hive = 1\n').message, /^hives\.conf:1:1: hive must be a list of tables/);
    assert.match(problem('[[hive]]\nalias = \n').message, /^hives\.conf:2:\d+: /);
  });

  it('may be empty or missing', () => {
    assert.deepEqual(parseHivesConf('# nothing yet\n', 'h').hives, []);
    assert.equal(loadHivesConf('/nowhere/hives.conf'), null);
  });
});
