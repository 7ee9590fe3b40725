/** The command line of one worker: that of our server, followed by that of whisper-server if it is used. */
import type { Command, Launch } from '@rbee/contract';
import { type Options, withDefaults } from './options.ts';

export const command = (launch: Launch): Command => {
  const options = withDefaults(launch.options);
  return {
    args: [
      ...serverArgs(launch, options),
      ...(launch.binary.id === 'whisper-server' ? ['--', ...launch.binary.argv, ...engineArgs(launch, options)] : []),
    ],
    env: { ...launch.deviceFlags.env, RBEE_API_KEY: launch.apiKey },
  };
};

const serverArgs = (launch: Launch, options: Options): string[] => [
  `--model=${mainModel(launch)}`,
  `--alias=${launch.names.join(',')}`,
  ...['--host', launch.host, '--port', String(launch.port)],
  ...launch.deviceFlags.args,
  ...['--dtype', options.dtype, '--language', options.language],
  ...['--chunk-seconds', String(options.chunk_seconds)],
  ...['--slots', String(options.slots), '--queue-limit', String(options.queue_limit)],
  ...['--max-upload-mb', String(options.max_upload_mb), '--threads', String(options.threads)],
  ...(options.temperature_fallback ? [] : ['--no-temperature-fallback']),
];

/** The adapter chooses and adds the address. Visible devices are renumbered from 0. */
const engineArgs = (launch: Launch, options: Options): string[] => [
  ...['--model', mainModel(launch)],
  ...(launch.variant === 'cpu' ? ['--no-gpu'] : ['--device', '0']),
  ...(options.threads > 0 ? ['--threads', String(options.threads)] : []),
  ...allowed(options.extra_args),
];

const mainModel = ({ models }: Launch): string => {
  const main = models['main'];
  if (main === undefined) throw new Error('whisper needs a model');
  return main;
};

/** Arguments that rbee sets itself, or that make whisper-server run other programs or expose files. */
const refused = new Set(
  [
    '-m --model --host --port --inference-path --request-path --public --convert --tmp-dir',
    '-ng --no-gpu -dev --device -h --help -t --threads -l --language -tr --translate',
  ].flatMap((line) => line.split(' ')),
);

const allowed = (args: readonly string[]): readonly string[] => {
  for (const arg of args) {
    const [flag = ''] = arg.split('=', 1);
    if (refused.has(flag)) throw new Error(`extra_args cannot contain ${flag}: rbee sets or forbids it`);
  }
  return args;
};
