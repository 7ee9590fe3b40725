/**
 * Finds the shell settings for npm, pip, uv and the model hub: addresses and tokens. Daemons get them, because they
 * install plugins and programs; workers never do.
 */
import { dirname, join } from 'node:path';
import { readSmallFileSync } from '../../boundary/small-file.ts';
import { pathsFrom } from '../../config/paths.ts';

/** Returns a test for names of such settings, given an environment and the `.npmrc` files that it points to. */
export const registrySettings = (env: NodeJS.ProcessEnv): ((name: string) => boolean) => {
  const named = new Set(npmrcFiles(env).flatMap(interpolated));
  // npm sets these for the scripts it runs: they are its own defaults, not the user's settings.
  const isNpms = env['npm_lifecycle_event'] === undefined ? () => false : (name: string) => ofNpmItself.test(name);
  return (name) => (settings.test(name) && !isNpms(name)) || (named.has(name) && !never.test(name));
};

const settings = /^(npm_config_.+|NPM_TOKEN|NODE_AUTH_TOKEN|PIP_.+|UV_.+|HF_TOKEN|HUGGING_FACE_HUB_TOKEN)$/i;

const ofNpmItself =
  /^npm_config_(cache|userconfig|globalconfig|prefix|local_prefix|global_prefix|init_module|node_gyp|noproxy|npm_version|user_agent)$/;

/** Settings that would change how a daemon runs are never passed on. */
const never = /^(RBEE_|NODE_OPTIONS$|LD_|DYLD_)/;

/** The files that npm reads; the project file is the one in the data folder. */
const npmrcFiles = (env: NodeJS.ProcessEnv): string[] => {
  const prefix = env['npm_config_prefix'] ?? dirname(dirname(process.execPath));
  return [
    env['npm_config_userconfig'] ?? env['NPM_CONFIG_USERCONFIG'] ?? join(env['HOME'] ?? '/', '.npmrc'),
    env['npm_config_globalconfig'] ?? env['NPM_CONFIG_GLOBALCONFIG'] ?? join(prefix, 'etc/npmrc'),
    ...dataFolder(env).map((folder) => join(folder, '.npmrc')),
  ];
};

const dataFolder = (env: NodeJS.ProcessEnv): string[] => {
  try {
    return [pathsFrom(env).data];
  } catch {
    return [];
  }
};

/** Variables that a file refers to: `_authToken=${NAME}`. */
const interpolated = (file: string): string[] => {
  try {
    const text = readSmallFileSync(file);
    return [...text.matchAll(/\$\{([A-Za-z_]\w*)\??\}/g)].map((match) => match[1] ?? '');
  } catch {
    return [];
  }
};
