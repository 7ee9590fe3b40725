import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempFolder } from '../process/testing.ts';
import { cleanEnvironment } from './environment.ts';
import { registrySettings } from './registry-settings.ts';

/** Those of `env` that a daemon gets, in a home with these files. */
const passed = async (
  t: TestContext,
  env: NodeJS.ProcessEnv,
  files: Record<string, string> = {},
): Promise<string[]> => {
  const home = await tempFolder(t);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(join(home, name), text);
  }
  const isSetting = registrySettings({ HOME: home, npm_config_prefix: home, ...env });
  return Object.keys(env).filter(isSetting);
};

test('settings of npm, pip and uv are passed to daemons, other secrets are not', async (t) => {
  const settings = [
    'npm_config_registry',
    'NPM_CONFIG_CAFILE',
    'npm_config_//registry.acme/:_authToken',
    'NPM_TOKEN',
    'PIP_INDEX_URL',
    'UV_INDEX_ACME_PASSWORD',
  ];
  const others = ['AWS_SECRET_ACCESS_KEY', 'GITHUB_TOKEN', 'npm_package_name', 'NODE_OPTIONS'];
  const env = Object.fromEntries([...settings, ...others].map((name) => [name, 'x']));
  assert.deepEqual(await passed(t, env), settings);
  assert.deepEqual(Object.keys(cleanEnvironment(env)), ['PATH'], 'a worker gets none of them');
});

test('variables used by an .npmrc are passed on, except those that would change the daemon', async (t) => {
  const names = ['ACME_TOKEN', 'OTHER_TOKEN', 'GLOBAL_TOKEN', 'RBEE_HOME', 'NODE_OPTIONS', 'UNNAMED'];
  const env = Object.fromEntries(names.map((name) => [name, 'x']));
  const files = {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own way of writing it
    '.npmrc': '//a/:_authToken=${ACME_TOKEN}\n//b/:_authToken=${OTHER_TOKEN?}\nx=${NODE_OPTIONS}${RBEE_HOME}\n',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the same
    'etc/npmrc': '//c/:_authToken=${GLOBAL_TOKEN}\n',
  };
  assert.deepEqual(await passed(t, env, files), ['ACME_TOKEN', 'OTHER_TOKEN', 'GLOBAL_TOKEN']);
});

test('variables that npm sets for its scripts are not settings', async (t) => {
  const env = { npm_lifecycle_event: 'test', npm_config_cache: '/x', npm_config_registry: 'http://registry' };
  assert.deepEqual(await passed(t, env), ['npm_config_registry']);
});
