/**
 * Builds llama.cpp's own `llama-server` for this machine from the source inside the package node-llama-cpp. Needs git, cmake
 * and a C++ compiler, but no network. Takes about fifteen minutes on two cores; later runs reuse the cached build.
 *
 *   npm run llama-server:build [-- --jobs 2] [-- --cmake -DGGML_CUDA=ON]
 *
 * Prints only the program's path on stdout, for RBEE_LLAMA_SERVER.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pathsFrom } from '../core/config/paths.ts';

const cmakeOptions = [
  '-DCMAKE_BUILD_TYPE=Release',
  // A single file without shared libraries can be copied elsewhere.
  '-DBUILD_SHARED_LIBS=OFF',
  '-DLLAMA_BUILD_TESTS=OFF',
  '-DLLAMA_BUILD_EXAMPLES=OFF',
  '-DLLAMA_OPENSSL=OFF',
  '-DLLAMA_BUILD_UI=OFF',
  '-DLLAMA_USE_PREBUILT_UI=OFF',
];

const main = () => {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: String(availableParallelism()) },
      cmake: { type: 'string', multiple: true, default: [] },
    },
  });
  const bundled = join(import.meta.dirname, '../node_modules/node-llama-cpp/llama');
  const { tag } = JSON.parse(readFileSync(join(bundled, 'llama.cpp.info.json'), 'utf8')) as { tag: string };
  const folder = join(pathsFrom(process.env).cache, 'llama-server', tag);
  const source = join(folder, 'source');
  const build = join(folder, 'build');
  const program = join(build, 'bin', process.platform === 'win32' ? 'llama-server.exe' : 'llama-server');

  need('git');
  need('cmake');
  mkdirSync(folder, { recursive: true });
  if (!existsSync(source)) checkOut(join(bundled, 'gitRelease.bundle'), source);
  run('cmake', ['-S', source, '-B', build, ...cmakeOptions, ...values.cmake]);
  run('cmake', ['--build', build, '--config', 'Release', '--target', 'llama-server', '-j', values.jobs]);
  run(program, ['--version']);
  process.stderr.write(`\nllama-server ${tag} is built. Use it with:\n  export RBEE_LLAMA_SERVER=${program}\n\n`);
  process.stdout.write(`${program}\n`);
};

/** An interrupted clone must not be taken for the source, so a clone gets its final name only when it is complete. */
const checkOut = (bundle: string, source: string) => {
  const unfinished = `${source}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  run('git', ['-c', 'advice.detachedHead=false', 'clone', '--quiet', bundle, unfinished]);
  renameSync(unfinished, source);
};

const need = (program: string) => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
  } catch {
    process.stderr.write(`building llama-server needs ${program}, which is not on the PATH\n`);
    process.exit(1);
  }
};

/** Sends all output of the tools to stderr; stdout is for the path. */
const run = (program: string, args: string[]) => {
  try {
    execFileSync(program, args, { stdio: ['ignore', process.stderr, process.stderr] });
  } catch (error) {
    const { status } = error as { status?: number };
    process.stderr.write(`${program} ${args[0]} … failed${status === undefined ? '' : ` with exit code ${status}`}\n`);
    process.exit(1);
  }
};

main();
