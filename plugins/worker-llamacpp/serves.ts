/** What a worker serves and what its model can do: from engine, build, options and the model's header. */
import type { Abilities, PreparedLaunch, ServedPath, UnservedPath } from '@rbee/contract';
import { type Build, buildOf } from './build.ts';
import { withDefaults } from './options.ts';

const json = ['application/json'];

/** The paths of llama-server; the builtin engine serves the first three. */
export const serves: readonly ServedPath[] = [
  { path: '/v1/chat/completions', kind: 'chat' },
  { path: '/v1/completions', kind: 'completion' },
  { path: '/v1/embeddings', kind: 'embedding' },
  { path: '/v1/responses', kind: 'other', accepts: json, needs: { engine: 'llama-server' } },
  { path: '/v1/messages', kind: 'other', accepts: json, needs: { engine: 'llama-server' } },
  { path: '/v1/messages/count_tokens', kind: 'other', accepts: json, needs: { engine: 'llama-server' } },
  { path: '/v1/rerank', kind: 'rerank', needs: { engine: 'llama-server', option: 'rerank' } },
  { path: '/tokenize', kind: 'other', accepts: json, needs: { engine: 'llama-server' } },
  { path: '/detokenize', kind: 'other', accepts: json, needs: { engine: 'llama-server' } },
  { path: '/infill', kind: 'other', accepts: json, needs: { engine: 'llama-server' } },
];

/** The first builds with these paths. The help does not list paths, so the build number decides. */
const firstBuilds: Readonly<Record<string, number>> = {
  '/v1/responses': 7793,
  '/v1/messages': 7200,
  '/v1/messages/count_tokens': 7200,
};

export const unserved = ({ binary, options: given, probes }: PreparedLaunch): UnservedPath[] => {
  if (binary.id === 'builtin') return [];
  const options = withDefaults(given);
  const build = buildOf(probes);
  const number = numberOf(build);
  const tooOld = Object.entries(firstBuilds).flatMap(([path, first]) =>
    number !== undefined && number < first
      ? [{ path, hint: `it needs llama-server b${first} or newer, and this is ${build.version}` }]
      : [],
  );
  return options.embeddings
    ? tooOld
    : [...tooOld, { path: '/v1/embeddings', hint: 'start a worker with --option embeddings=true' }];
};

/** A build without a number is assumed to be new. */
const numberOf = ({ version }: Build): number | undefined => {
  const number = /^b(\d+)$/.exec(version ?? '')?.[1];
  return number === undefined ? undefined : Number(number);
};

export const abilities = ({ model, options: given, models, binary }: PreparedLaunch): Abilities => {
  const { context, chat_template, embeddings, rerank } = withDefaults(given);
  const metadata = model?.metadata ?? {};
  const architecture = String(metadata['general.architecture'] ?? '');
  const trained = positive(metadata[`${architecture}.context_length`]);
  const width = positive(metadata[`${architecture}.embedding_length`]);
  const template = chat_template === '' ? metadata['tokenizer.chat_template'] : chat_template;
  const embeds = binary.id === 'builtin' || embeddings;
  return {
    vision: models['mmproj'] !== undefined,
    ...toolsOf(binary.id, template),
    contextLength: Math.min(context, trained ?? context),
    ...(embeds && !rerank && width !== undefined && { dimensions: width }),
  };
};

/** A template that supports tools mentions them. A template that was too long to read gives no answer. */
const toolsOf = (engine: string, template: unknown): Pick<Abilities, 'tools'> => {
  if (engine === 'builtin') return { tools: false };
  return typeof template === 'string' ? { tools: /\btools\b/.test(template) } : {};
};

const positive = (value: unknown): number | undefined => {
  const number = Number(value);
  return Number.isFinite(number) && number > 0 ? number : undefined;
};

export const slots = (given: Readonly<Record<string, unknown>>): number => withDefaults(given).slots;
