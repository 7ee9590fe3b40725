import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillCommand, templateProblem } from './argv-template.ts';
import type { Launch, WorkerType } from './worker-type.ts';

const launch: Launch = {
  id: 'w-1',
  variant: 'cuda',
  device: { kind: 'cuda', indices: [0, 2] },
  deviceFlags: { args: ['--gpus', 'two'], env: {} },
  binary: { id: 'e', kind: 'path', path: '/bin/e', argv: ['/bin/e'] },
  models: { main: '/models/a b', vae: '/models/{port}' },
  names: ['a', 'b'],
  options: { text: '$(reboot) {host}', slots: 2, fast: true, list: ['x'] },
  host: '127.0.0.1',
  port: 4242,
  apiKey: 'secret',
};

test('the value of a placeholder never splits into several arguments', () => {
  const args = [
    '{program}',
    '-m',
    '{model}',
    '--vae={model.vae}',
    '{option.text}',
    '{device}/{indices}',
    '{name}:{port}',
  ];
  assert.deepEqual(fillCommand(args, launch), {
    args: [
      '/bin/e',
      '-m',
      '/models/a b',
      '--vae=/models/{port}',
      '$(reboot) {host}',
      'cuda:0,2/0,2',
      'a:4242',
      '--gpus',
      'two',
    ],
  });
  const more = fillCommand(
    { args: ['{names}', '{variant}', '{id}', '{option.slots}'], env: { KEY: '{apiKey}' } },
    launch,
  );
  assert.deepEqual(more, { args: ['a,b', 'cuda', 'w-1', '2', '--gpus', 'two'], env: { KEY: 'secret' } });
});

test('a variable that consists of an option is omitted if the option has no value', () => {
  const command = { args: [], env: { GIVEN: '{option.text}', TOKEN: '{option.token}', EMPTY: '' } };
  assert.deepEqual(fillCommand(command, launch).env, { GIVEN: '$(reboot) {host}', EMPTY: '' });
  assert.throws(
    () => fillCommand({ args: [], env: { TOKEN: 'x{option.token}' } }, launch),
    /has no value for this worker/,
  );
});

test('other braces are left unchanged', () => {
  assert.deepEqual(
    fillCommand(['{"a": {"b": 1}}', '{}', '{ port }'], { ...launch, deviceFlags: { args: [], env: {} } }),
    {
      args: ['{"a": {"b": 1}}', '{}', '{ port }'],
    },
  );
});

test('placeholders that cannot be filled in are refused by name before a worker starts', () => {
  const type: Pick<WorkerType, 'models' | 'options'> = {
    models: {
      formats: ['gguf'],
      components: { vae: { required: true, description: 'x' }, draft: { required: false, description: 'x' } },
    },
    options: {
      type: 'object',
      properties: {
        slots: { type: 'integer', description: 'x', default: 1 },
        list: { type: 'array', description: 'x', default: [] },
        size: { type: 'integer', description: 'x' },
      },
    },
  };
  const problems: [string, RegExp | undefined][] = [
    ['{port}', undefined],
    ['{model}{model.vae}{option.slots}', undefined],
    ['{prot}', /unknown placeholder \{prot\}; known ones: \{port\}, .*\{option\.NAME\}/],
    ['{other.x}', /unknown placeholder \{other\.x\}/],
    ['{model.clip}', /models\.components has no clip/],
    ['{model.draft}', /not every worker has/],
    ['{option.slot}', /no such option/],
    ['{option.list}', /is a list/],
    ['{option.size}', /has no default/],
    ['--key={apiKey}', /every local user can read/],
  ];
  for (const [text, problem] of problems) {
    const found = templateProblem([text], type);
    if (problem) assert.match(found ?? 'no problem', problem, text);
    else assert.equal(found, undefined, text);
  }
  assert.match(templateProblem(['{model}'], {}) ?? '', /not every worker has/);
  const env = (KEY: string) => templateProblem({ args: [], env: { KEY } }, type);
  assert.equal(env('{apiKey}'), undefined);
  assert.equal(env('{option.size}'), undefined, 'left out where it is not given');
  assert.match(env('size {option.size}') ?? '', /has no default/);
  assert.match(env('{option.list}') ?? '', /is a list/);
  assert.match(env('{option.slot}') ?? '', /no such option/);
});
