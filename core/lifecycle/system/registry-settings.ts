/**
 * The settings of the shell with which npm, pip, uv and the model hub are found and let in. Daemons get them, because what
 * they run to install plugins and programs needs them; workers never do, for there are tokens among them.
 */
import { dirname, join } from 'node:path';
import { readSmallFileSync } from '../../boundary/small-file.ts';
import { pathsFrom } from '../../config/paths.ts';

/** Tells of a name whether it is such a setting, in an environment and the `.npmrc` files that it leads to. */
export const registrySettings = (env: NodeJS.ProcessEnv): ((name: string) => boolean) => {
  const named = new Set(npmrcFiles(env).flatMap(interpolated));
  // A script that npm runs is told what npm itself uses, which is no wish of anybody.
  const isNpms = env['npm_lifecycle_event'] === undefined ? () => false : (name: string) => ofNpmItself.test(name);
  return (name) => (settings.test(name) && !isNpms(name)) || (named.has(name) && !never.test(name));
};

const settings = /^(npm_config_.+|NPM_TOKEN|NODE_AUTH_TOKEN|PIP_.+|UV_.+|HF_TOKEN|HUGGING_FACE_HUB_TOKEN)$/i;

const ofNpmItself =
  /^npm_config_(cache|userconfig|globalconfig|prefix|local_prefix|global_prefix|init_module|node_gyp|noproxy|npm_version|user_agent)$/;

/** What changes how a daemon runs is not let in through the back door. */
const never = /^(RBEE_|NODE_OPTIONS$|LD_|DYLD_)/;

/** Where npm looks, the project of a plugin's tree being the data folder. */
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

/** Names that a file takes from the environment: `_authToken=${NAME}`. */
const interpolated = (file: string): string[] => {
  try {
    const text = readSmallFileSync(file);
    return [...text.matchAll(/\$\{([A-Za-z_]\w*)\??\}/g)].map((match) => match[1] ?? '');
  } catch {
    return [];
  }
};
