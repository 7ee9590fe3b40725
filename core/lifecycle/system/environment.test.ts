import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanEnvironment } from './environment.ts';

test('only variables that a program needs are passed on', () => {
  const env = {
    PATH: '/bin',
    HOME: '/home/a',
    LC_ALL: 'C',
    HF_HOME: '/models',
    HF_TOKEN: 'secret',
    CUDA_VISIBLE_DEVICES: '1',
    https_proxy: 'http://proxy',
    LD_LIBRARY_PATH: '/lib',
    NOTHING: undefined,
    AWS_SECRET_ACCESS_KEY: 'secret',
    NODE_OPTIONS: '--inspect',
    LD_PRELOAD: '/evil.so',
    RBEE_HOME: '/elsewhere',
    npm_config_registry: 'x',
  };
  assert.deepEqual(cleanEnvironment(env, { RBEE_WORKER_ID: 'a', HOME: '/other' }), {
    PATH: '/bin',
    HOME: '/other',
    LC_ALL: 'C',
    HF_HOME: '/models',
    CUDA_VISIBLE_DEVICES: '1',
    https_proxy: 'http://proxy',
    LD_LIBRARY_PATH: '/lib',
    RBEE_WORKER_ID: 'a',
  });
});

test('there is always a PATH, and the given environment is not changed', () => {
  const env = Object.freeze({});
  assert.match(cleanEnvironment(env)['PATH'] ?? '', /\/usr\/bin/);
});
