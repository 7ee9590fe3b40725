import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hiveReference } from './hive-reference.ts';

test('~/ in a model path is the home of the user that runs the hive', () => {
  const env = { HOME: '/home/anna' };
  for (const text of ['~/m/a.gguf', 'file:~/m/a.gguf']) {
    assert.deepEqual(hiveReference(text, env), { kind: 'file', path: '/home/anna/m/a.gguf' });
  }
  assert.deepEqual(hiveReference('/m/~/a.gguf', env), { kind: 'file', path: '/m/~/a.gguf' });
  assert.deepEqual(hiveReference('demo', env), { kind: 'demo' });
});
