/** Parses the adapter's arguments. Each is `--name=value`, so that a value can start with anything. */
import { numberBetween, parseArguments, wholeNumber } from '@rbee/worker-server';

export interface Arguments {
  /** Of the worker. */
  id: string;
  names: readonly string[];
  host: string;
  port: number;
  /** The checkpoint file given as the model. */
  model: string | undefined;
  /** Folder with `main.py`. */
  directory: string | undefined;
  python: string | undefined;
  /** The program that starts ComfyUI, or a `main.py`. */
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
  /** From the environment, because every user of the machine can read arguments. */
  comfyOrgKey: string | undefined;
  /** For ComfyUI itself. */
  engine: readonly string[];
}

const text = { type: 'string' } as const;
const known = {
  id: { ...text, default: 'comfyui' },
  alias: { type: 'string', multiple: true },
  host: { ...text, default: '127.0.0.1' },
  port: { ...text, default: '0' },
  model: text,
  directory: text,
  python: text,
  program: text,
  checkpoint: text,
  workflow: text,
  'models-directory': text,
  size: { ...text, default: '1024x1024' },
  steps: { ...text, default: '20' },
  guidance: { ...text, default: '7' },
  sampler: { ...text, default: 'euler' },
  scheduler: { ...text, default: 'normal' },
  'max-images': { ...text, default: '10' },
  'queue-limit': { ...text, default: '64' },
} as const;

/** Throws a `StartError` that names the wrong argument. */
export const readArguments = (argv: readonly string[], env: NodeJS.ProcessEnv): Arguments => {
  const { values, rest } = parseArguments(argv, known);
  return {
    id: values.id,
    names: values.alias ?? ['comfyui'],
    host: values.host,
    port: wholeNumber('--port', values.port, 0, 65_535),
    model: values.model,
    directory: values.directory,
    python: values.python,
    program: values.program,
    checkpoint: values.checkpoint,
    workflow: values.workflow,
    modelsDirectory: values['models-directory'],
    size: values.size,
    steps: wholeNumber('--steps', values.steps, 1, 1000),
    guidance: numberBetween('--guidance', values.guidance, 0, 100),
    sampler: values.sampler,
    scheduler: values.scheduler,
    maxImages: wholeNumber('--max-images', values['max-images'], 1, 100),
    queueLimit: wholeNumber('--queue-limit', values['queue-limit'], 0, 100_000),
    comfyOrgKey: env['COMFY_ORG_API_KEY'] || undefined,
    engine: rest,
  };
};
