import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleOf } from './regex-sample.ts';
import { slowLine } from './regex-speed.ts';

test('a line is found for the patterns that logs need', () => {
  const patterns = [
    'loading (?<percent>\\d{1,3})%',
    '^server is listening on http://\\S+:\\d+$',
    'Uvicorn running on (?:http|https)://[\\w.]+',
    'ready|started',
    'load_tensors: .* (?<percent>[0-9]+(?:\\.[0-9]+)?) ?%',
    '\\[info\\]\\s+ready\\b',
    '[^a]b{2,}c?',
  ];
  for (const pattern of patterns) assert.match(sampleOf(pattern) ?? 'none', new RegExp(pattern), pattern);
});

test('a named group holds what it is told to', () => {
  assert.equal(sampleOf('loading (?<percent>\\d{1,3}) %', { percent: '42' }), 'loading 42 %');
});

test('what is no pattern, or one that needs more than one word at a time, has no line', () => {
  assert.equal(sampleOf('('), null);
  assert.equal(sampleOf('(a)\\1'), null);
});

test('a pattern that gets lost is found out, and an ordinary one is not', () => {
  assert.notEqual(slowLine('^(a+)+$'), null);
  assert.equal(slowLine('loading (?<percent>\\d{1,3})%'), null);
});
