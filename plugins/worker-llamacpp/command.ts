/** The command line of one worker, for each of the two engines. */
import type { Command, Launch, LaunchRequest, OptionProblem } from '@rbee/contract';
import { type Build, buildOf } from './build.ts';
import { type Options, withDefaults } from './options.ts';

export const command = (launch: Launch): Command => {
  const options = withDefaults(launch.options);
  return launch.binary.id === 'builtin' ? builtinCommand(launch, options) : llamaServerCommand(launch, options);
};

/** Refuses options that this build of llama-server has no flag for, and forbidden extra arguments. */
export const checkOptions = ({ binary, variant, options: given, probes }: LaunchRequest): OptionProblem[] => {
  const options = withDefaults(given);
  if (binary.id === 'builtin') return [...attention(options), ...ranking(options)];
  const build = buildOf(probes);
  return [
    ...attention(options),
    ...(options.rerank && options.embeddings ? [eitherOr] : []),
    ...options.extra_args.flatMap(refusal),
    ...wishesOf(variant, options).flatMap(({ option, spellings }) => {
      if (spellingFor(spellings, build) !== undefined) return [];
      const flags = spellings.map(([flag]) => flag).join(' or ');
      const which = build.version === undefined ? 'this llama-server' : `this llama-server (${build.version})`;
      const hint = 'leave the option out, or use another build of llama-server (RBEE_LLAMA_SERVER)';
      return [{ option, problem: `${which} does not know ${flags}`, hint }];
    }),
  ];
};

/** llama.cpp would report this only after it has loaded the model. */
const attention = ({ cache_type_v, flash_attention }: Options): OptionProblem[] =>
  flash_attention === 'off' && !floatTypes.includes(cache_type_v)
    ? [
        {
          option: 'cache_type_v',
          problem: `${cache_type_v} needs flash attention, and flash_attention is off`,
          hint: 'leave flash_attention at auto, or cache_type_v at f16',
        },
      ]
    : [];

const ranking = ({ rerank }: Options): OptionProblem[] =>
  rerank
    ? [
        {
          option: 'rerank',
          problem: 'the builtin engine cannot rank texts',
          hint: 'install llama-server, or set RBEE_LLAMA_SERVER',
        },
      ]
    : [];

/** With ranking on, llama-server pools each text to one score, so it cannot return embeddings. */
const eitherOr: OptionProblem = {
  option: 'rerank',
  problem: 'llama-server serves either ranking or embeddings',
  hint: 'leave out one of rerank and embeddings, or start two workers',
};

const floatTypes = ['f32', 'f16', 'bf16'];

/**
 * Required settings are arguments, in the spelling that the build knows. Optional settings that only newer builds know go
 * into the environment: an older build ignores an unknown variable, but refuses an unknown argument.
 */
const llamaServerCommand = (launch: Launch, options: Options): Command => ({
  args: [
    ...['--model', mainModel(launch)],
    ...['--alias', launch.names.join(',')],
    ...['--host', launch.host, '--port', String(launch.port)],
    ...launch.deviceFlags.args,
    ...wishesOf(launch.variant, options).flatMap(
      ({ spellings }) => spellingFor(spellings, buildOf(launch.probes)) ?? spellings[0] ?? [],
    ),
    ...allowed(options.extra_args),
  ],
  env: {
    ...launch.deviceFlags.env,
    LLAMA_API_KEY: launch.apiKey,
    LLAMA_ARG_FLASH_ATTN: options.flash_attention,
    LLAMA_ARG_UI: 'false',
    LLAMA_ARG_NO_WEBUI: 'true',
    LLAMA_ARG_LOG_COLORS: 'off',
    LLAMA_ARG_OFFLINE: 'true',
    // After a SIGTERM, a stream ends only at its next ping. The default is every 30 s.
    LLAMA_ARG_SSE_PING_INTERVAL: '1',
  },
});

const builtinCommand = (launch: Launch, options: Options): Command => ({
  args: [
    ...['--model', mainModel(launch)],
    ...['--alias', launch.names.join(',')],
    ...['--host', launch.host, '--port', String(launch.port)],
    ...['--gpu', launch.variant],
    ...['--context', String(options.context), '--slots', String(options.slots)],
    ...['--queue-limit', String(options.queue_limit)],
    ...['--threads', String(options.threads), '--batch', String(options.batch)],
    ...['--gpu-layers', options.gpu_layers],
    ...['--flash-attention', options.flash_attention],
    ...['--cache-type-k', options.cache_type_k, '--cache-type-v', options.cache_type_v],
    ...(options.chat_template === '' ? [] : [`--chat-template=${options.chat_template}`]),
    ...(options.mmap ? [] : ['--no-mmap']),
    ...(options.mlock ? ['--mlock'] : []),
  ],
  env: { ...launch.deviceFlags.env, RBEE_API_KEY: launch.apiKey },
});

const mainModel = ({ models }: Launch): string => {
  const main = models['main'];
  if (main === undefined) throw new Error('llamacpp needs a model');
  return main;
};

/** The required settings, each with its possible spellings, newest first. The first word of a spelling is its flag. */
interface Wish {
  option: string;
  spellings: readonly (readonly string[])[];
}

const wishesOf = (variant: string, options: Options): Wish[] => {
  const wish = (option: string, ...spelling: string[]): Wish => ({ option, spellings: [spelling] });
  return [
    // llama-server divides the context among its slots.
    wish('context', '--ctx-size', String(options.context * options.slots)),
    wish('slots', '--parallel', String(options.slots)),
    // Each connection, even an idle one, holds a thread: with too few, health checks would wait behind requests.
    wish('queue_limit', '--threads-http', String(Math.min(1024, options.slots + options.queue_limit + 16))),
    ...batch(options),
    ...(options.threads > 0 ? [wish('threads', '--threads', String(options.threads))] : []),
    ...gpuLayers(variant, options),
    wish('cache_type_k', '--cache-type-k', options.cache_type_k),
    wish('cache_type_v', '--cache-type-v', options.cache_type_v),
    ...(options.embeddings ? [{ option: 'embeddings', spellings: [['--embeddings'], ['--embedding']] }] : []),
    ...(options.rerank ? [{ option: 'rerank', spellings: [['--rerank'], ['--reranking']] }] : []),
    ...(options.pooling === 'auto' || options.rerank ? [] : [wish('pooling', '--pooling', options.pooling)]),
    ...(options.chat_template === '' ? [] : [wish('chat_template', '--chat-template', options.chat_template)]),
    ...loading(options),
    wish('engine', '--metrics'),
  ];
};

/** A build with unknown flags is assumed to be new. */
const spellingFor = (spellings: Wish['spellings'], { flags }: Build): readonly string[] | undefined =>
  spellings.find((words) => flags === undefined || words.filter(isFlag).every((flag) => flags.includes(flag)));

const isFlag = (word: string, index: number) => index === 0 || oldLoading.includes(word);

const oldLoading = ['--no-mmap', '--mlock'];

/** `--load-mode` appeared in autumn 2026; build 10875 removed the two older flags. */
const loading = ({ mmap, mlock }: Options): Wish[] => {
  if (mmap && !mlock) return [];
  const mode = mlock ? (mmap ? 'mmap+mlock' : 'mlock') : 'none';
  const old = [...(mmap ? [] : ['--no-mmap']), ...(mlock ? ['--mlock'] : [])];
  return [{ option: mlock ? 'mlock' : 'mmap', spellings: [['--load-mode', mode], old] }];
};

/** Embeddings and ranking need the whole input in one physical batch. */
const batch = ({ batch: tokens, context, embeddings, rerank }: Options): Wish[] => {
  const isWhole = embeddings || rerank;
  const physical = isWhole ? Math.max(tokens, context) : tokens;
  const logical = isWhole ? physical : Math.max(2048, physical);
  return [
    { option: 'batch', spellings: [['--batch-size', String(logical)]] },
    { option: 'batch', spellings: [['--ubatch-size', String(physical)]] },
  ];
};

const gpuLayers = (variant: string, { gpu_layers }: Options): Wish[] => {
  if (variant === 'cpu' || gpu_layers === 'auto') return [];
  return [{ option: 'gpu_layers', spellings: [['--gpu-layers', gpu_layers === 'all' ? '9999' : gpu_layers]] }];
};

/** Arguments that rbee sets itself, that expose more than the model, or that make the program exit or download. */
const refused = new Set(
  [
    '-m --model -mu --model-url -hf -hfr --hf-repo -hff --hf-file -hft --hf-token -dr --docker-repo -a --alias',
    '--host --port --reuse-port --path --api-prefix --api-key --api-key-file --ssl-key-file --ssl-cert-file',
    '-c --ctx-size -np --parallel --threads-http -dev --device -lm --load-mode --metrics --no-metrics',
    '--tools --agent -ag --mcp-servers-config --mcp-servers-json --ui-mcp-proxy --webui-mcp-proxy --media-path --rpc',
    '--slot-save-path --props --models-dir --models-preset --models-max --models-autoload --log-file --log-disable',
    '--list-devices --version --help -h --usage --cache-list -cl --completion-bash --sse-ping-interval',
  ].flatMap((line) => line.split(' ')),
);

const allowed = (args: readonly string[]): readonly string[] => {
  const [first] = args.flatMap(refusal);
  if (first !== undefined) throw new Error(`${first.option} ${first.problem}`);
  return args;
};

const refusal = (arg: string): OptionProblem[] => {
  const [flag = ''] = arg.split('=', 1);
  if (!refused.has(flag)) return [];
  return [{ option: 'extra_args', problem: `cannot contain ${flag}: rbee sets or forbids it`, hint: 'leave it out' }];
};
