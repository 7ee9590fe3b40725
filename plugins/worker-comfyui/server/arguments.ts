/** The arguments of the adapter. Each is written `--name=value`, whatever the value begins with. */
import { parseArgs } from 'node:util';
import { exitCodes, StartError } from '@rbee/worker-server';

export interface Arguments {
  /** Of the worker. */
  id: string;
  names: readonly string[];
  host: string;
  port: number;
  /** Checkpoint file that was given as the model. */
  model: string | undefined;
  /** Folder with `main.py`. */
  directory: string | undefined;
  python: string | undefined;
  /** What starts ComfyUI, or a `main.py`. */
  program: string | undefined;
  checkpoint: string | undefined;
  workflow: string | undefined;
  modelsDirectory: string | undefined;
  size: string;
  steps: number;
  guidance: number;
  sampler: string;
  scheduler: string;
  maxImages: number;
  queueLimit: number;
  /** Given by the environment, as arguments can be read by every user of the machine. */
  comfyOrgKey: string | undefined;
  /** Of ComfyUI itself. */
  engine: readonly string[];
}

const text = { type: 'string' } as const;
const known = {
  id: text,
  alias: { type: 'string', multiple: true },
  host: text,
  port: text,
  model: text,
  directory: text,
  python: text,
  program: text,
  checkpoint: text,
  workflow: text,
  'models-directory': text,
  size: text,
  steps: text,
  guidance: text,
  sampler: text,
  scheduler: text,
  'max-images': text,
  'queue-limit': text,
} as const;

/** Throws a `StartError` that names what is wrong. */
export const readArguments = (argv: readonly string[], env: NodeJS.ProcessEnv): Arguments => {
  const end = argv.indexOf('--');
  const [own, engine] = end === -1 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  const { values } = parse(own);
  return {
    id: values.id ?? 'comfyui',
    names: values.alias ?? ['comfyui'],
    host: values.host ?? '127.0.0.1',
    port: number('port', values.port ?? '0'),
    model: values.model,
    directory: values.directory,
    python: values.python,
    program: values.program,
    checkpoint: values.checkpoint,
    workflow: values.workflow,
    modelsDirectory: values['models-directory'],
    size: values.size ?? '1024x1024',
    steps: number('steps', values.steps ?? '20'),
    guidance: number('guidance', values.guidance ?? '7'),
    sampler: values.sampler ?? 'euler',
    scheduler: values.scheduler ?? 'normal',
    maxImages: number('max-images', values['max-images'] ?? '10'),
    queueLimit: number('queue-limit', values['queue-limit'] ?? '64'),
    comfyOrgKey: env['COMFY_ORG_API_KEY'] || undefined,
    engine,
  };
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: known, strict: true, allowPositionals: false });
  } catch (cause) {
    throw new StartError(exitCodes.usage, (cause as Error).message, { cause });
  }
};

const number = (name: string, value: string): number => {
  const read = value.trim() === '' ? Number.NaN : Number(value);
  if (read >= 0) return read;
  throw new StartError(exitCodes.usage, `--${name} must be a number, not "${value}"`);
};
