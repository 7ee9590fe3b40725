/** The command line of one worker: the arguments of our server, and after `--` those of sd-server. */
import type { Command, Launch } from '@rbee/contract';
import { componentArguments, modelArguments } from './components.ts';
import { type Options, withDefaults } from './options.ts';

export const command = (launch: Launch): Command => {
  const options = withDefaults(launch.options);
  const behind =
    launch.binary.id === 'builtin'
      ? componentArguments(launch.models)
      : [...launch.binary.argv, ...sdServerArguments(launch, options)];
  return {
    args: [...serverArguments(launch, options), '--', ...behind],
    env: { ...launch.deviceFlags.env, RBEE_API_KEY: launch.apiKey },
  };
};

/** onnxruntime's provider for a variant, if any. The adapter needs it for models that sd-server cannot read. */
const providers: Readonly<Record<string, string>> = { cpu: 'cpu', cuda: 'cuda', metal: 'webgpu' };

const serverArguments = ({ models, names, host, port, variant }: Launch, options: Options): string[] => [
  `--model=${models['main'] ?? ''}`,
  ...names.map((name) => `--alias=${name}`),
  `--host=${host}`,
  `--port=${port}`,
  `--provider=${providers[variant] ?? 'none'}`,
  `--threads=${options.threads}`,
  `--queue-limit=${options.queue_limit}`,
  `--max-images=${options.max_images}`,
  `--max-size=${options.max_size}`,
  `--max-steps=${options.max_steps}`,
  `--steps=${options.steps}`,
  `--guidance=${options.guidance}`,
  `--size=${options.size}`,
];

/** Without host and port, which the adapter chooses. */
const sdServerArguments = ({ models, deviceFlags }: Launch, options: Options): string[] => [
  ...modelArguments(models),
  ...deviceFlags.args,
  ...(options.threads > 0 ? ['--threads', String(options.threads)] : []),
  ...(options.weight_type === 'auto' ? [] : ['--type', options.weight_type]),
  ...(options.flash_attention ? ['--diffusion-fa'] : []),
  ...(options.offload ? ['--offload-to-cpu'] : []),
  ...(options.vae_tiling ? ['--vae-tiling'] : []),
  ...(options.eager_load ? ['--eager-load'] : []),
  ...allowed(options.extra_args),
];

/** Arguments that rbee sets itself, that expose more than the model, or that make the program exit. */
const refused = new Set(
  [
    '-l --listen-ip --listen-port --serve-html-path -m --model --diffusion-model --vae --clip_l --clip_g --t5xxl --llm',
    '--taesd --tae --backend --params-backend -t --threads --type --list-devices --version -h --help --color',
  ].flatMap((line) => line.split(' ')),
);

const allowed = (args: readonly string[]): readonly string[] => {
  for (const arg of args) {
    const [flag = ''] = arg.split('=', 1);
    if (refused.has(flag)) throw new Error(`extra_args cannot contain ${flag}: rbee sets or forbids it`);
  }
  return args;
};
