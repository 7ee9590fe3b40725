/** Starts ComfyUI itself, on a port that only this adapter knows. */
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import {
  type EngineProcess,
  exitCodes,
  freePort,
  type LoadContext,
  StartError,
  startEngine,
} from '@rbee/worker-server';
import type { Arguments } from './arguments.ts';

export interface Engine {
  process: EngineProcess;
  url: string;
  close(): Promise<void>;
}

const host = '127.0.0.1';

/** Resolves once ComfyUI answers. Throws a `StartError` that says what is missing or how it ended. */
export const startComfyUi = async (options: Arguments, { log, signal }: LoadContext): Promise<Engine> => {
  const { argv, cwd } = programOf(options);
  const port = await freePort();
  const url = `http://${host}:${port}`;
  const models = modelFolders(options);
  const knowsMore = Object.keys(models).length > 0;
  // Named after the worker, so that a file that a killed worker left behind is overwritten.
  const paths = resolve(`${options.id}.model-paths.yaml`);
  const remove = () => rmSync(paths, { force: true });
  if (knowsMore) {
    // JSON is valid YAML.
    writeFileSync(paths, JSON.stringify({ rbee: models }));
    process.once('exit', remove);
  }
  const engine = await startEngine({
    argv: [
      ...argv,
      ...['--listen', host, '--port', String(port)],
      ...(knowsMore ? ['--extra-model-paths-config', paths] : []),
      ...options.engine,
    ],
    cwd,
    env: { PYTHONUNBUFFERED: '1' },
    log,
    isReady: async (asking) => (await fetch(`${url}/system_stats`, { signal: asking })).ok,
    // ComfyUI shuts down cleanly on SIGINT, but not on SIGTERM.
    stop: [
      { signal: 'SIGINT', graceMs: 5000 },
      { signal: 'SIGTERM', graceMs: 2000 },
    ],
    signal,
  });
  const close = async () => {
    await engine.stop();
    if (knowsMore) remove();
  };
  return { process: engine, url, close };
};

const programOf = ({ directory, program, python }: Arguments): { argv: string[]; cwd?: string } => {
  if (directory === undefined && program !== undefined && basename(program) !== 'main.py') return { argv: [program] };
  const main = directory === undefined ? (program ?? 'main.py') : join(directory, 'main.py');
  if (!existsSync(main)) {
    throw new StartError(exitCodes.unavailable, `there is no ComfyUI in ${dirname(main)}: main.py is missing`);
  }
  if (python !== undefined && !existsSync(python)) {
    throw new StartError(exitCodes.unavailable, `there is no Python at ${python}`);
  }
  return { argv: [python ?? pythonOf(dirname(main)), main], cwd: dirname(main) };
};

/** The Python of an environment beside it, where its guides and installers put it. */
const pythonOf = (folder: string): string => {
  const beside = ['venv', '.venv', '../venv', '../.venv', '../python_embeded'].map((name) =>
    join(folder, name, 'bin/python'),
  );
  return beside.find((path) => existsSync(path)) ?? 'python3';
};

/** Additional model folders for ComfyUI, by kind. */
const modelFolders = ({ model, modelsDirectory }: Arguments): Record<string, string> => {
  const folders: Record<string, string> = {};
  if (modelsDirectory !== undefined) {
    if (!statSync(modelsDirectory, { throwIfNoEntry: false })?.isDirectory()) {
      throw new StartError(exitCodes.noModel, `models_directory ${modelsDirectory} is not there, or is no folder`);
    }
    for (const entry of readdirSync(modelsDirectory, { withFileTypes: true })) {
      if (entry.isDirectory() || entry.isSymbolicLink()) folders[entry.name] = join(modelsDirectory, entry.name);
    }
  }
  // Several folders of one kind go into one multi-line string.
  if (model !== undefined) {
    folders['checkpoints'] = [folders['checkpoints'], dirname(model)].filter((path) => path !== undefined).join('\n');
  }
  return folders;
};
