/** Installs a program from an npm package, with npm, into a separate folder. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RbeeError } from '../contract/errors.ts';
import { insideFolder, plainPath } from '../contract/safe-path.ts';
import type { BinarySource } from '../contract/worker-type/worker-type.ts';
import { isFile } from '../lifecycle/fs/file-kind.ts';
import { realInside } from '../lifecycle/fs/real-inside.ts';
import type { BinaryContext } from './context.ts';
import { executableProblem } from './find-program.ts';
import type { Look } from './on-machine.ts';
import { asStep } from './progress.ts';
import { runTool } from './run-tool.ts';

type NpmSource = Extract<BinarySource, { kind: 'npm' }>;

/** Errors: INSTALL_FAILED. */
export const buildNpm = async (
  source: NpmSource,
  folder: string,
  key: string,
  { narrate, env, signal }: BinaryContext,
): Promise<Record<string, string>> => {
  const what = `${source.package}@${source.version}`;
  const manifest = { private: true, dependencies: { [source.package]: source.version } };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  const flags = ['--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=http'];
  await asStep(
    narrate,
    { id: `npm-${key}`, text: `installing the npm package ${what}`, done: `installed ${what}`, unit: 'requests' },
    async (progress) => {
      let requests = 0;
      await runTool(['npm', 'install', ...flags], {
        what,
        key,
        cwd: folder,
        env: { ...env, npm_config_update_notifier: 'false' },
        signal,
        onLine: (line) => {
          if (/^npm http (fetch|cache)/.test(line)) progress(++requests);
        },
        hint: 'see the lines above; the hive needs npm, and access to its registry',
      });
    },
  );
  const look = await lookForBin(source, folder);
  if ('problem' in look)
    throw RbeeError.of('INSTALL_FAILED', {
      what,
      problem: look.problem,
      hint: 'report this to the author of the plugin',
    });
  return {};
};

export const lookForBin = async (source: NpmSource, folder: string): Promise<Look> => {
  const problem = { problem: `${source.package}@${source.version} has no program ${source.bin}` };
  const home = insideFolder(join(folder, 'node_modules'), source.package);
  try {
    const { bin, name } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
      name: string;
      bin?: string | Record<string, string>;
    };
    const bins = typeof bin === 'string' ? { [name.replace(/^@.*\//, '')]: bin } : (bin ?? {});
    const script = Object.hasOwn(bins, source.bin) ? bins[source.bin] : undefined;
    if (script === undefined) return problem;
    const path = await realInside(home, plainPath(script));
    if (!(await isFile(path))) return problem;
    // The `node` of its shebang may be missing or another version.
    if (await isNodeScript(path)) return { path, argv: [process.execPath, path] };
    return (await executableProblem(path)) ? problem : { path, argv: [path] };
  } catch {
    return problem;
  }
};

const isNodeScript = async (path: string): Promise<boolean> =>
  /\.[cm]?js$/.test(path) || /^#!.*\bnode\b/.test((await readFile(path)).subarray(0, 200).toString('latin1'));
