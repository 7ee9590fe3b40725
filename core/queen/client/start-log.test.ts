import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startStory } from './start-log.ts';

const entry = (level: number, time: number, msg: string, more = {}) => JSON.stringify({ level, time, msg, ...more });

it('explains why the last start failed, not an earlier one', () => {
  const log = [
    entry(60, 100, 'port 8500 is already in use'),
    '    at old (stack)',
    entry(30, 150, 'ended'),
    entry(30, 205, 'starting'),
    '    at new (stack)',
    entry(60, 210, 'another queen is using /x', { hint: 'stop it' }),
    '',
  ];
  assert.deepEqual(startStory(log, 200), {
    problem: 'another queen is using /x',
    error: undefined,
    lines: ['starting', '    at new (stack)', 'another queen is using /x; try: stop it'],
  });
});

it('returns the error that a daemon ended with, including its hint', () => {
  const { error } = startStory([entry(60, 1, 'port 1 is taken', { code: 'PORT_TAKEN', hint: 'choose another' })], 0);
  assert.deepEqual(error?.toJSON(), { code: 'PORT_TAKEN', message: 'port 1 is taken', hint: 'choose another' });
  const internal = startStory([entry(60, 1, 'oops', { code: 'INTERNAL', hint: 'see the log' })], 0);
  assert.equal(internal.error, undefined);
});

it('accepts a log that is not JSON', () => {
  assert.deepEqual(startStory(['SyntaxError: x', '1', 'null'], 0), {
    problem: undefined,
    error: undefined,
    lines: ['SyntaxError: x', '1', 'null'],
  });
});
