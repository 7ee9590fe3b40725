import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RbeeError } from './errors.ts';
import {
  insideFolder,
  isSafeName,
  isSafePath,
  isWithin,
  nameInFolder,
  nameProblem,
  pathProblem,
  plainPath,
} from './safe-path.ts';

const refused: Record<string, unknown> = {
  empty: '',
  absolute: '/etc/passwd',
  'up and out': '../x',
  'down, up and out': 'a/../../x',
  'down and up again': 'a/..',
  dot: './x',
  'dot inside': 'a/./x',
  'double slash': 'a//x',
  'trailing slash': 'a/',
  backslash: 'a\\..\\x',
  drive: 'C:x',
  NUL: 'a\0.txt',
  'line feed': 'a\nb',
  escape: 'a\u001b[31m',
  'C1 control': 'a\u009b31m',
  'half a surrogate': 'a\ud800',
  'long name': 'x'.repeat(256),
  'long name in bytes': 'é'.repeat(128),
  'long path': 'abc/'.repeat(1_000) + 'x'.repeat(10),
  number: 5,
  null: null,
  list: ['a'],
};

for (const [title, words] of Object.entries(refused)) {
  test(`a path from outside is refused: ${title}`, () => {
    assert.equal(typeof pathProblem(words), 'string');
    assert.equal(typeof nameProblem(words), 'string');
    assert.throws(
      () => insideFolder('/home/bee', words as string),
      (error) => {
        assert.ok(error instanceof RbeeError);
        assert.equal(error.code, 'PATH_REFUSED');
        assert.doesNotMatch(error.message, /[\p{Cc}\p{Cf}]/u);
        assert.ok(error.message.length < 1_000);
        return true;
      },
    );
  });
}

test('ordinary names in any script are paths inside the folder', () => {
  for (const words of ['a', 'a/b.gguf', '.npmrc', '...', '..a', 'a..', 'ñ/模型.gguf', 'a b', 'x'.repeat(255), 'ab:c'])
    assert.equal(insideFolder('/home/bee/', words), `/home/bee/${words}`);
  assert.ok(isSafePath('a/b'));
  assert.ok(!isSafeName('a/b'));
  assert.equal(nameInFolder('/', 'a'), '/a');
  assert.throws(() => nameInFolder('/home/bee', 'a/b'), { code: 'PATH_REFUSED' });
});

test('only redundant dots and slashes are removed', () => {
  assert.equal(plainPath('./a//b/./c/'), 'a/b/c');
  for (const words of ['/a', '../a', 'a/../b', 'a\\b']) assert.equal(plainPath(words), words);
  assert.equal(plainPath('.'), '');
});

test('a path is within a folder only if whole names match', () => {
  assert.ok(isWithin('/a/b', '/a/b'));
  assert.ok(isWithin('/a/b', '/a/b/c'));
  assert.ok(isWithin('/', '/a'));
  assert.ok(!isWithin('/a/b', '/a/bc'));
  assert.ok(!isWithin('/a/b', '/a'));
});
