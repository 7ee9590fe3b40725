/** A temporary home for one demo. It cannot collide with a running queen, and is removed as a whole. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Paths, pathsFrom } from '../../config/paths.ts';
import { RbeeError } from '../../contract/errors.ts';

export interface DemoHome {
  folder: string;
  paths: Paths;
  env: NodeJS.ProcessEnv;
  remove(): void;
}

const configuration = `# The home of one demo.
[queen]
port = 0 # any free one
`;

const temporaryFolder = (): string => {
  try {
    return mkdtempSync(join(realpathSync(tmpdir()), 'rbee-demo-'));
  } catch (cause) {
    const problem = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : (cause as Error).message;
    const what = `the folder for temporary files, ${tmpdir()},`;
    const hint = 'set TMPDIR to a folder that you can write to';
    throw RbeeError.of('INVALID_INPUT', { what, problem, hint }, { cause });
  }
};

/** Errors: INVALID_INPUT when TMPDIR cannot be used. */
export const makeDemoHome = async (outer: NodeJS.ProcessEnv): Promise<DemoHome> => {
  const folder = temporaryFolder();
  const env = { ...outer, RBEE_HOME: folder };
  const paths = pathsFrom(env);
  await mkdir(dirname(paths.rbeeConf), { recursive: true, mode: 0o700 });
  writeFileSync(paths.rbeeConf, configuration, { mode: 0o600 });
  const remove = () => {
    rmSync(folder, { recursive: true, force: true });
    // If the path of the folder is too long for sockets, they are in another place.
    if (!paths.sockets.startsWith(folder)) rmSync(paths.sockets, { recursive: true, force: true });
  };
  return { folder, paths, env, remove };
};
