/** llama.cpp through node-llama-cpp: a model, a context with one sequence per slot, and embeddings on demand. */
import { availableMemory } from 'node:process';
import { exitCodes, type LoadContext, StartError } from '@rbee/worker-server';
import type { Llama, LlamaContext, LlamaGrammar, LlamaModel, Token } from 'node-llama-cpp';
import { computeBytes, contextBytes, shapeOf } from '../estimate.ts';
import type { Arguments } from './arguments.ts';
import { type ChatTemplate, createChatTemplate } from './chat-template.ts';
import { checkModel } from './check-model.ts';
import { createEmbedder, type Embedder } from './embed.ts';
import { type Generated, type GenerateRequest, generate } from './generate.ts';
import type { GgufHeader } from './gguf.ts';
import { compileJsonSchema } from './json-schema/compile.ts';
import { print } from './json-schema/grammar.ts';

export interface Engine {
  /** Tokens of a text to continue, starting with the model's begin token. */
  tokenize(text: string): Token[];
  chatTemplate: ChatTemplate;
  /** Absent for models that only return embeddings. */
  generate?(request: GenerateRequest): Promise<Generated>;
  embed: Embedder['embed'];
  /** A grammar of the JSON texts that are valid by a schema. Throws a `SchemaProblem`. */
  grammar(schema: object): Promise<LlamaGrammar>;
  facts: { n_ctx: number; n_ctx_train: number; n_embd: number; n_vocab: number; size: number };
  close(): Promise<void>;
}

/** For models smaller than this, a second thread makes things slower; on a busy machine, a thousand times slower. */
const tinyModel = 16 * 1024 * 1024;

export const loadEngine = async (options: Arguments, { progress, signal }: LoadContext): Promise<Engine> => {
  const header = checkModel(options.model);
  const sizes = sizesOf(header, options);
  const tiny = header.fileSize < tinyModel;
  checkMemory(header, options, sizes.context);
  const library = await import('node-llama-cpp');
  const words = createLastWords();
  const llama = await openLlama(library, options, words);
  const threads = options.threads || (tiny ? 1 : llama.cpuMathCores);
  const model = await native(
    `the model ${options.model} could not be loaded`,
    exitCodes.badModel,
    () =>
      llama.loadModel({
        modelPath: options.model,
        gpuLayers: options.gpuLayers,
        useMmap: options.mmap,
        useMlock: options.mlock,
        onLoadProgress: progress,
        loadSignal: signal,
      }),
    words,
  );
  const context = sizes.embeddingsOnly
    ? undefined
    : await native(
        'the context cannot be made',
        exitCodes.failed,
        () =>
          model.createContext({
            sequences: options.slots,
            contextSize: sizes.context,
            batchSize: Math.max(options.batch, options.slots),
            threads,
            flashAttention: options.flashAttention,
            experimentalKvCacheKeyType: cacheType(options.cacheTypeK),
            experimentalKvCacheValueType: cacheType(options.cacheTypeV),
            failedCreationRemedy: false,
            createSignal: signal,
          }),
        words,
      );
  const { createPieces } = await import('./pieces.ts');
  const { createSequences } = await import('./sequences.ts');
  const { bos } = model.tokens;
  return {
    tokenize: (text) => {
      const tokens = model.tokenize(text, true);
      const first = model.tokens.shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos] : [];
      return [...first, ...tokens];
    },
    chatTemplate: createChatTemplate(options.chatTemplate, text(header, 'tokenizer.chat_template'), {
      bos: model.tokens.bosString ?? '',
      eos: model.tokens.eosString ?? '',
    }),
    generate:
      context === undefined ? undefined : generator(model, context, createPieces(model), createSequences(context)),
    embed: createEmbedder(model, sizes.context, threads).embed,
    grammar: (schema) => llama.createGrammar({ grammar: print(compileJsonSchema(schema)) }),
    facts: {
      n_ctx: context?.contextSize ?? sizes.context,
      n_ctx_train: model.trainContextSize,
      n_embd: model.embeddingVectorSize,
      n_vocab: sizes.vocabulary,
      size: model.size,
    },
    close: () => llama.dispose(),
  };
};

const generator = (
  model: LlamaModel,
  context: LlamaContext,
  pieces: ReturnType<typeof import('./pieces.ts').createPieces>,
  sequences: ReturnType<typeof import('./sequences.ts').createSequences>,
) => {
  const tools = { model, pieces, sequences, contextSize: context.contextSize, batchSize: context.batchSize };
  return (request: GenerateRequest) => generate(tools, request);
};

type Library = typeof import('node-llama-cpp');

/** Never builds or downloads anything: if the build is not installed, the worker fails and says so. */
const openLlama = async (library: Library, { gpu, threads }: Arguments, words: LastWords): Promise<Llama> => {
  const wanted = gpu === 'cpu' ? false : gpu;
  const missing = `node-llama-cpp has no ${gpu} build that runs here`;
  const llama = await native(missing, exitCodes.unavailable, () =>
    library.getLlama({
      gpu: wanted,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: library.LlamaLogLevel.warn,
      logger: (level, message) => {
        if (library.LlamaLogLevelGreaterThan(level, library.LlamaLogLevel.info)) words.add(message.trimEnd());
      },
      ...(threads > 0 ? { maxThreads: threads } : {}),
    }),
  );
  // node-llama-cpp silently falls back to the CPU.
  if (llama.gpu !== wanted)
    throw new StartError(exitCodes.unavailable, `${missing}: it would use ${llama.gpu || 'the CPU'}`);
  return llama;
};

/** llama.cpp gives the reason for a failure only in its log. */
interface LastWords {
  add(line: string): void;
  reason(): string | undefined;
}

const createLastWords = (): LastWords => {
  let reason: string | undefined;
  return {
    add: (line) => {
      process.stderr.write(`${line}\n`);
      reason =
        reasonIn
          .exec(line)
          ?.slice(1)
          .find((said) => said !== undefined) ?? reason;
    },
    reason: () => reason,
  };
};

const reasonIn =
  /error loading model: (.+)|failed to initialize the context: (.+)|llama_init_from_model: (.*(?:cache type|requires).*)/;

/** Failures that an option causes, in any step. */
const aboutOptions = /cache types? |requires flash/i;
const aboutMemory = /failed to allocate|out of memory|insufficient memory|not enough memory/i;

/** Runs one step of loading, and turns a failure into a sentence and an exit code. */
const native = async <Made>(
  problem: string,
  exitCode: number,
  step: () => Promise<Made>,
  words?: LastWords,
): Promise<Made> => {
  try {
    return await step();
  } catch (cause) {
    const message = words?.reason() ?? (cause instanceof Error ? cause.message : String(cause));
    const memory = (cause as Error)?.constructor?.name === 'InsufficientMemoryError' || aboutMemory.test(message);
    const code = memory ? exitCodes.memory : aboutOptions.test(message) ? exitCodes.usage : exitCode;
    throw new StartError(code, `${problem}: ${message}`, { cause });
  }
};

const text = ({ metadata }: GgufHeader, key: string) => {
  const value = metadata.get(key);
  return typeof value === 'string' ? value : undefined;
};

/** The context of a slot, at most what the model was trained for, and the kind of model. */
const sizesOf = (header: GgufHeader, { context }: Arguments) => {
  const architecture = text(header, 'general.architecture') ?? '';
  const shape = shapeOf(flat(header));
  const tokens = header.metadata.get('tokenizer.ggml.tokens');
  return {
    context: Math.min(context, shape.trainContext),
    embeddingsOnly: header.metadata.get(`${architecture}.attention.causal`) === false,
    vocabulary: Array.isArray(tokens) ? tokens.length : shape.vocabulary,
  };
};

const flat = ({ metadata }: GgufHeader) => {
  const scalars: Record<string, string | number | boolean> = {};
  for (const [key, value] of metadata) {
    if (typeof value === 'bigint') scalars[key] = Number(value);
    else if (typeof value !== 'object') scalars[key] = value as string | number | boolean;
  }
  return scalars;
};

/** llama.cpp would try for 15 seconds, using gigabytes, before it reports that a context is too large. */
const checkMemory = (header: GgufHeader, options: Arguments, context: number) => {
  if (options.gpu !== 'cpu') return;
  const shape = shapeOf(flat(header));
  const cache = { context, slots: options.slots, cache_type_k: options.cacheTypeK, cache_type_v: options.cacheTypeV };
  const needed = contextBytes(shape, cache) + computeBytes(shape, options) + (options.mmap ? 0 : header.fileSize);
  const free = availableMemory();
  if (needed <= free) return;
  const gibibytes = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  throw new StartError(
    exitCodes.memory,
    `a context of ${context} tokens for each of ${options.slots} slots needs about ${gibibytes(needed)} of memory, ${gibibytes(free)} are free`,
  );
};

const cacheType = (name: string) => name.toUpperCase() as 'F16';
