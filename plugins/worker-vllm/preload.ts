/**
 * Preloads libraries and becomes vLLM for the CPU: `node preload.js PROGRAM ARGUMENTS…`. That build needs Intel's OpenMP
 * preloaded, and is faster with tcmalloc. Looks for both beside it and on the system. No extra process remains.
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv, env, execve, exit, stderr } from 'node:process';

const systemFolders = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
];

const libraries = (program: string): string[] => {
  // Two folders: a link to the program can be outside its environment.
  const environments = [program, realpathSync(program)].map((path) => join(dirname(path), '../lib'));
  const found = [
    [...environments, ...systemFolders].map((folder) => join(folder, 'libiomp5.so')),
    systemFolders.map((folder) => join(folder, 'libtcmalloc_minimal.so.4')),
  ].map((places) => places.find((path) => existsSync(path)));
  return found.filter((path) => path !== undefined);
};

const [program = '', ...args] = argv.slice(2);
try {
  const before = [...libraries(program), ...(env['LD_PRELOAD'] ? [env['LD_PRELOAD']] : [])];
  execve?.(program, [program, ...args], { ...env, ...(before.length > 0 ? { LD_PRELOAD: before.join(':') } : {}) });
} catch (error) {
  stderr.write(`vllm: error: ${program} cannot be started: ${(error as Error).message}\n`);
  exit(127);
}
