import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readToml } from './toml.ts';
import { maxDepth, tooDeepAt } from './toml-shape.ts';

const dots = (parts: number): string => Array.from({ length: parts }, () => 'a').join('.');
const deep = [
  `${dots(maxDepth + 1)} = 1`,
  `[${dots(maxDepth + 1)}]`,
  `[[${dots(maxDepth + 1)}]]`,
  `a = ${'['.repeat(maxDepth + 1)}${']'.repeat(maxDepth + 1)}`,
  `a = ${'{a='.repeat(maxDepth + 1)}1${'}'.repeat(maxDepth + 1)}`,
  `a = { ${dots(maxDepth + 1)} = 1 }`,
  `b = "\\""\n${dots(maxDepth + 1)} = 1`,
  `b = """a"b\n"""\n${dots(maxDepth + 1)} = 1`,
  `b = 'a\\'\n${dots(maxDepth + 1)} = 1`,
  `a = ${'[\n'.repeat(maxDepth + 1)}`,
];

// A dotted key of 100,000 parts, in a 200 KB file, used up four gigabytes and crashed the queen.
test('a text that is nested too deeply is refused with its position, before it is parsed', () => {
  for (const text of [...deep, `${dots(100_000)} = 1`, `a = ${'['.repeat(500_000)}`]) {
    assert.throws(
      () => readToml(text, 'x.conf'),
      { code: 'CONFIG_INVALID', message: /^x\.conf:\d+:\d+: it is nested more than 32 levels deep$/ },
      text.slice(0, 100),
    );
  }
});

test('text that only looks deeply nested is accepted', () => {
  const fine = [
    `${dots(maxDepth)} = 1`,
    `a = ${'['.repeat(maxDepth)}${']'.repeat(maxDepth)}`,
    `a = "${'.'.repeat(100)}${'['.repeat(100)}"`,
    `a = '${'.'.repeat(100)}'`,
    `a = """\n${'.'.repeat(100)}\n\\"""${'['.repeat(100)}"""`,
    `a = '''\n${'['.repeat(100)}\n'''`,
    `# ${'.'.repeat(100)}${'['.repeat(100)}`,
    `a = [${'1.5,'.repeat(100)}]`,
    `a = [${'[1],'.repeat(100)}]`,
    'a = 1.5\n'.repeat(100),
    Array.from({ length: 100 }, (_, nth) => `[a${nth}.b]\nc = 1.5`).join('\n'),
  ];
  for (const text of fine) assert.equal(tooDeepAt(text), null, text.slice(0, 100));
});
