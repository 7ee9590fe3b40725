import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { operations } from '../contract/api/operations.ts';
import { RbeeError } from '../contract/errors.ts';
import { validator } from './validate.ts';

const spawn = validator(operations.worker_spawn.input, 'worker_spawn');

const refusal = (value: unknown): { message: string; hint: string } => {
  try {
    spawn(value);
  } catch (error) {
    assert.ok(error instanceof RbeeError);
    assert.equal(error.code, 'INVALID_INPUT');
    return { message: error.message, hint: error.hint };
  }
  throw new Error('it was accepted');
};

describe('validator', () => {
  it('returns input that matches', () => {
    const input = { type: 'llamacpp', device: 'cuda:0', options: { context: 4096 } };
    assert.equal(spawn(input), input);
  });

  it('names a field that does not exist and the one that was probably meant', () => {
    assert.deepEqual(refusal({ type: 'llamacpp', devise: 'cpu' }), {
      message: 'worker_spawn is not valid: there is no field "devise"',
      hint: 'did you mean device?',
    });
    assert.match(refusal({ type: 'llamacpp', zzzzzz: 1 }).hint, /^it takes: type, variant/);
  });

  it('names a missing field', () => {
    assert.equal(refusal({}).message, 'worker_spawn is not valid: type is missing');
  });

  it('names a field of the wrong type, out of range, or not of the choices', () => {
    assert.equal(refusal({ type: 1 }).message, 'worker_spawn is not valid: type must be string');
    assert.match(refusal({ type: 'a', memoryLimit: 5 }).message, /memoryLimit must be >= 1048576/);
    assert.deepEqual(refusal({ type: 'a', restart: 'sometimes' }), {
      message: 'worker_spawn is not valid: restart must be one of never, on-failure, always',
      hint: 'it is "sometimes"',
    });
  });

  it('handles any other input', () => {
    for (const value of [null, undefined, 3, 'text', [], { type: 'a', name: 'x'.repeat(5000) }]) {
      assert.ok(refusal(value).message.length < 400);
    }
  });
});
