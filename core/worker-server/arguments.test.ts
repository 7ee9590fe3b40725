import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numberBetween, oneOf, parseArguments, required, wholeNumber } from './arguments.ts';
import { StartError } from './errors.ts';

const options = {
  model: { type: 'string' },
  slots: { type: 'string', default: '4' },
  mlock: { type: 'boolean' },
} as const;

/** Asserts a usage error with this message. */
const refuses = (run: () => unknown, says: RegExp): void => {
  assert.throws(run, (error) => {
    assert.ok(error instanceof StartError);
    assert.equal(error.exitCode, 64);
    assert.match(error.message, says);
    return true;
  });
};

test('arguments are parsed with their defaults, and everything after -- is kept as it is', () => {
  const { values, rest } = parseArguments(['--model=-m', '--mlock', '--', '--slots', '9'], options);
  assert.deepEqual({ ...values }, { model: '-m', slots: '4', mlock: true });
  assert.deepEqual(rest, ['--slots', '9']);
});

test('an unknown or a positional argument is refused by name', () => {
  refuses(() => parseArguments(['--no-such'], options), /--no-such/);
  refuses(() => parseArguments(['stray'], options), /stray/);
});

test('numbers must be in their range', () => {
  assert.equal(wholeNumber('--slots', '256', 1, 256), 256);
  for (const text of ['0', '257', '1.5', '', '-1', '0x2'])
    refuses(() => wholeNumber('--slots', text, 1, 256), /^--slots must be a whole number from 1 to 256, not/);
  assert.equal(numberBetween('--guidance', '7.5', 0, 100), 7.5);
  for (const text of ['-1', '101', ' ', 'x'])
    refuses(() => numberBetween('--guidance', text, 0, 100), /^--guidance must be a number from 0 to 100, not/);
});

test('a choice must be one of the allowed values, and a required argument must not be empty', () => {
  assert.equal(oneOf('--gpu', 'cuda', ['cpu', 'cuda']), 'cuda');
  refuses(() => oneOf('--gpu', 'tpu', ['cpu', 'cuda']), /^--gpu must be one of cpu, cuda, not "tpu"/);
  assert.equal(required('--model', 'a'), 'a');
  for (const text of ['', undefined]) refuses(() => required('--model', text), /^--model is required/);
});
