import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RbeeError } from '../contract/errors.ts';
import { addHive, removeHive } from './edit-hives-conf.ts';
import { readExample } from './examples.ts';
import { parseHivesConf } from './hives-conf.ts';

const file = 'hives.conf';
const aliases = (text: string) => parseHivesConf(text, file).hives.map(({ alias }) => alias);
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof RbeeError);
    return error.code;
  }
  return 'nothing';
};

test('a machine is added at the end, and everything before it is unchanged', () => {
  const before = readExample('hives');
  const after = addHive(before, file, {
    alias: 'pi-4',
    hostname: '10.0.0.4',
    ssh_port: 2222,
    auto_start: false,
    labels: { room: 'a "b"' },
  });
  assert.ok(after.startsWith(before));
  assert.equal(
    after.slice(before.length),
    '\n[[hive]]\nalias = "pi-4"\nhostname = "10.0.0.4"\nssh_port = 2222\nauto_start = false\nlabels = { room = "a \\"b\\"" }\n',
  );
  assert.deepEqual(aliases(after), ['attic', 'gpu-1', 'local', 'pi-4']);
});

test('an empty file, a missing final line break and Windows line breaks are handled', () => {
  assert.equal(addHive('', file, { alias: 'a' }), '[[hive]]\nalias = "a"\n');
  assert.equal(addHive('# mine', file, { alias: 'a' }), '# mine\n\n[[hive]]\nalias = "a"\n');
  assert.equal(
    addHive('[[hive]]\r\nalias = "b"\r\n', file, { alias: 'a' }),
    '[[hive]]\r\nalias = "b"\r\n\r\n[[hive]]\r\nalias = "a"\r\n',
  );
});

test('a machine is removed with its tables and the comments right above it, and others keep theirs', () => {
  const text = `# the file

# about a
[[hive]]
alias = "a"
workers = [
  { type = "vllm" }, # inner
]
# about its worker
[[hive.run]]
type = "vllm"

# ---- the basement ----

# about b
[[hive]]
alias = "b" # keep
`;
  assert.equal(
    removeHive(text, file, 'a'),
    '# the file\n\n# ---- the basement ----\n\n# about b\n[[hive]]\nalias = "b" # keep\n',
  );
  assert.equal(removeHive(text, file, 'b'), text.slice(0, text.indexOf('# about b')));
});

test('an impossible edit is refused', () => {
  assert.equal(
    refusal(() => addHive('[[hive]]\nalias = "a"\n', file, { alias: 'a' })),
    'HIVE_ALREADY_DECLARED',
  );
  assert.equal(
    refusal(() => addHive('', file, { alias: 'A B' })),
    'CONFIG_INVALID',
  );
  assert.equal(
    refusal(() => addHive('', file, { alias: 'a', hostname: '-oProxyCommand=x' })),
    'CONFIG_INVALID',
  );
  assert.equal(
    refusal(() => addHive('hive = [{ alias = "a" }]', file, { alias: 'b' })),
    'HIVES_CONF_UNEDITABLE',
  );
  assert.equal(
    refusal(() => removeHive('hive = [{ alias = "a" }]', file, 'a')),
    'HIVES_CONF_UNEDITABLE',
  );
  assert.equal(
    refusal(() => removeHive('[[hive]]\nalias = "a"\n', file, 'b')),
    'HIVE_NOT_DECLARED',
  );
  const jumped = '[[hive]]\nalias = "a"\n[[hive]]\nalias = "b"\nproxy_jump = "a"\n';
  assert.deepEqual(aliases(removeHive(jumped, file, 'a')), ['b']);
});

test('adding and removing a machine keeps the other machines and all comments', () => {
  const alias = fc.stringMatching(/^[a-z][a-z0-9]{0,4}$/).filter((name) => name !== 'local');
  fc.assert(
    fc.property(fc.uniqueArray(alias, { minLength: 2, maxLength: 6 }), fc.nat(), fc.string(), (names, which, word) => {
      let text = '# head\n';
      for (const name of names) {
        text = addHive(text, file, { alias: name, hostname: `${name}.lan`, labels: { word } });
        text += `\n# after ${name}\n`;
      }
      const gone = names[which % names.length]!;
      const left = removeHive(text, file, gone);
      const others = names.filter((name) => name !== gone);
      assert.deepEqual(aliases(left), others);
      for (const name of names) assert.ok(left.includes(`# after ${name}\n`), name);
      assert.ok(left.startsWith('# head\n'));
    }),
    { seed: 1 },
  );
});
