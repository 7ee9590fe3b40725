import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastWords, lastWordsInShort } from './last-words.ts';

// A failed examination used to show only "Node.js v26.10.0".
test('an error report of Node keeps its reason and loses its version', () => {
  const stderr = `file:///plugin/index.js:3
  throw new TypeError('no such thing');
        ^

TypeError: no such thing
    at command (file:///plugin/index.js:3:9)
    at async run (file:///plugin/index.js:9:1)

Node.js v26.10.0
`;
  assert.match(lastWords(stderr), /^file:.*\n[\s\S]*TypeError: no such thing\n[\s\S]*index\.js:9:1\)$/);
  assert.equal(lastWordsInShort(stderr), 'TypeError: no such thing');
  assert.equal(lastWordsInShort(stderr.replace('TypeError:', 'Error [ERR_X]:')), 'Error [ERR_X]: no such thing');
});

test('other output is shown by its last lines', () => {
  assert.equal(lastWordsInShort('one\ntwo\nthree\nfour\n'), 'two three four');
  assert.equal(lastWordsInShort(''), '');
});
