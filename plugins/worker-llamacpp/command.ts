/** The command line of one worker, for each of the two engines. */
import type { Command, Launch } from '@rbee/core/contract';
import { type Options, withDefaults } from './options.ts';

export const command = (launch: Launch): Command => {
  const options = withDefaults(launch.options);
  return launch.binary.id === 'builtin' ? builtinCommand(launch, options) : llamaServerCommand(launch, options);
};

/**
 * What is needed on every build goes into the arguments. What only newer builds know goes into the environment, where an
 * older one overlooks it instead of refusing to start.
 */
const llamaServerCommand = (launch: Launch, options: Options): Command => ({
  args: [
    ...['--model', mainModel(launch)],
    ...['--alias', launch.names.join(',')],
    ...['--host', launch.host, '--port', String(launch.port)],
    // llama-server divides the context among its slots.
    ...['--ctx-size', String(options.context * options.slots), '--parallel', String(options.slots)],
    // Each connection holds a thread, waiting or idle: with too few, health checks would wait behind requests.
    ...['--threads-http', String(Math.min(1024, options.slots + options.queue_limit + 16))],
    ...batch(options),
    ...(options.threads > 0 ? ['--threads', String(options.threads)] : []),
    ...launch.deviceFlags.args,
    ...gpuLayers(launch.variant, options),
    ...['--cache-type-k', options.cache_type_k, '--cache-type-v', options.cache_type_v],
    ...(options.embeddings ? ['--embeddings'] : []),
    ...(options.pooling === 'auto' ? [] : ['--pooling', options.pooling]),
    ...(options.chat_template === '' ? [] : ['--chat-template', options.chat_template]),
    ...(options.mmap ? [] : ['--no-mmap']),
    ...(options.mlock ? ['--mlock'] : []),
    '--metrics',
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
    // A SIGTERM takes effect on an open stream only at its next ping, which comes each 30 s by default.
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

/** An embedding needs its whole input in one physical batch. */
const batch = ({ batch: tokens, context, embeddings }: Options) => {
  const physical = embeddings ? Math.max(tokens, context) : tokens;
  const logical = embeddings ? physical : Math.max(2048, physical);
  return ['--batch-size', String(logical), '--ubatch-size', String(physical)];
};

const gpuLayers = (variant: string, { gpu_layers }: Options) => {
  if (variant === 'cpu' || gpu_layers === 'auto') return [];
  return ['--gpu-layers', gpu_layers === 'all' ? '9999' : gpu_layers];
};

/** Arguments that rbee gives itself, that open more than the model, or that make the program end or download. */
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
  for (const arg of args) {
    const [flag = ''] = arg.split('=', 1);
    if (refused.has(flag)) throw new Error(`extra_args may not hold ${flag}: rbee sets or forbids it`);
  }
  return args;
};
