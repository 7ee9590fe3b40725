import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatToml } from './toml.ts';
import { tomlPositions } from './toml-positions.ts';

const source = `# a file
top = 1
[[hive]]
alias = "a" # not the end
labels = { zone = "b", 'odd key' = "=]}" }
workers = [
  { type = "x", version = "]" }, # one
  { type = """
two]] lines"""" },
]
[[hive.run]]
type = "x"
[hive.run.options]
"quoted.key" = 1
[[hive]]
  alias.b.c = [ [1, 2], [3] ]
`;

const places: readonly (readonly [(string | number)[], string])[] = [
  [['top'], '2:1'],
  [['hive'], '3:3'],
  [['hive', 0], '3:3'],
  [['hive', 0, 'alias'], '4:1'],
  [['hive', 0, 'labels', 'zone'], '5:12'],
  [['hive', 0, 'labels', 'odd key'], '5:24'],
  [['hive', 0, 'workers', 0], '7:3'],
  [['hive', 0, 'workers', 0, 'version'], '7:17'],
  [['hive', 0, 'workers', 1, 'type'], '8:5'],
  [['hive', 0, 'run', 0], '11:8'],
  [['hive', 0, 'run', 0, 'options', 'quoted.key'], '14:1'],
  [['hive', 1], '15:3'],
  [['hive', 1, 'alias', 'b', 'c', 1, 0], '16:26'],
  // A missing value is reported where it would belong.
  [['hive', 1, 'hostname'], '15:3'],
  [['nothing'], '1:1'],
];

test('every key, table and list element is found at its position', () => {
  const positions = tomlPositions(source);
  for (const [path, place] of places) {
    const { line, column } = positions.at(path);
    assert.equal(`${line}:${column}`, place, path.join('.'));
  }
});

test('a table spans its own lines, without the comments after them', () => {
  const headers = tomlPositions('[[a]]\nx = [\n 1,\n]\n\n# for b\n[b]\n').headers;
  assert.deepEqual(headers, [
    { path: ['a', 0], line: 1, lastLine: 4 },
    { path: ['b'], line: 7, lastLine: 7 },
  ]);
});

test('in any document, each key is found on a line that contains it', () => {
  const key = fc.stringMatching(/^[a-z][a-z0-9_-]{0,5}$/);
  const value = fc.oneof(fc.string(), fc.integer({ min: -1000, max: 1000 }), fc.boolean(), fc.array(fc.string()));
  const table = fc.dictionary(key, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true });
  fc.assert(
    fc.property(
      fc.dictionary(key, fc.array(table, { minLength: 1, maxLength: 3 }), { noNullPrototype: true }),
      (root) => {
        const text = formatToml(root);
        const positions = tomlPositions(text);
        const seen = new Set<string>();
        for (const [name, tables] of Object.entries(root)) {
          for (const [index, fields] of tables.entries()) {
            for (const field of Object.keys(fields)) {
              const { line, column } = positions.at([name, index, field]);
              const rest = text.split('\n')[line - 1]!.slice(column - 1);
              assert.ok(rest.startsWith(`${field} =`), `${name}.${index}.${field}: ${rest}`);
              assert.ok(!seen.has(`${line}:${column}`));
              seen.add(`${line}:${column}`);
            }
          }
        }
      },
    ),
    { seed: 1 },
  );
});
