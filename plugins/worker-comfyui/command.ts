/** The command line of the adapter: its own arguments, then `--` and the command line of ComfyUI. */
import type { Command, Launch } from '@rbee/contract';
import { type Options, withDefaults } from './options.ts';

export const command = (launch: Launch): Command => {
  const options = withDefaults(launch.options);
  const main = launch.models['main'];
  return {
    args: [
      `--id=${launch.id}`,
      ...launch.names.map((name) => `--alias=${name}`),
      ...[`--host=${launch.host}`, `--port=${launch.port}`],
      ...(main === undefined ? [] : [`--model=${main}`]),
      ...text('directory', options.directory),
      ...text('python', options.python === '' ? pythonFor(launch) : options.python),
      ...text('checkpoint', options.checkpoint),
      ...text('workflow', options.workflow),
      ...text('models-directory', options.models_directory),
      ...[`--size=${options.size}`, `--steps=${options.steps}`, `--guidance=${options.guidance}`],
      ...[`--sampler=${options.sampler}`, `--scheduler=${options.scheduler}`],
      ...[`--max-images=${options.max_images}`, `--queue-limit=${options.queue_limit}`],
      ...text('program', launch.binary.id === 'folder' ? '' : launch.binary.path),
      '--',
      ...engineArguments(launch, options),
    ],
    env: {
      ...launch.deviceFlags.env,
      RBEE_API_KEY: launch.apiKey,
      DO_NOT_TRACK: '1',
      HF_HUB_DISABLE_TELEMETRY: '1',
      ...(options.comfy_org_key !== undefined && { COMFY_ORG_API_KEY: options.comfy_org_key }),
    },
  };
};

/** The Python of the environment that was created for the release, if any. */
const pythonFor = ({ binary: { environment } }: Launch): string =>
  environment === undefined ? '' : `${environment}/venv/bin/python`;

const text = (name: string, value: string): string[] => (value === '' ? [] : [`--${name}=${value}`]);

/** Without host and port, which the adapter chooses. */
const engineArguments = ({ deviceFlags }: Launch, options: Options): string[] => [
  '--disable-auto-launch',
  ...deviceFlags.args,
  ...(options.vram === 'auto' ? [] : [`--${options.vram}`]),
  ...(options.reserve_vram === 0 ? [] : [`--reserve-vram=${options.reserve_vram}`]),
  ...(options.custom_nodes ? [] : ['--disable-all-custom-nodes']),
  ...(options.output_directory === '' ? [] : [`--output-directory=${options.output_directory}`]),
  ...allowed(options.extra_args),
];

/** Arguments that rbee sets, that expose ComfyUI beyond this machine, or that make it exit or write elsewhere. */
const refused = [
  'listen port tls-keyfile tls-certfile enable-cors-header auto-launch windows-standalone-build quick-test-for-ci',
  'cpu cuda-device default-device directml oneapi-device-selector gpu-only highvram normalvram lowvram novram',
  'reserve-vram disable-all-custom-nodes output-directory extra-model-paths-config models-directory help',
].flatMap((line) => line.split(' '));

/** Throws for a forbidden argument, also if abbreviated, because argparse accepts that. */
const allowed = (args: readonly string[]): readonly string[] => {
  for (const arg of args) {
    const [flag = ''] = arg.split('=', 1);
    if (flag === '-h' || (flag.startsWith('--') && refused.some((known) => `--${known}`.startsWith(flag)))) {
      throw new Error(`extra_args cannot contain ${flag}: rbee sets or forbids it`);
    }
  }
  return args;
};
