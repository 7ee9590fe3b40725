/** The kinds of requests: how to describe each, and the paths that usually serve it. */
import type { ServedKind } from '../../contract/worker-type.ts';

export interface Ability {
  kind: ServedKind;
  /** Completes a sentence about a model: `transcribes speech`. */
  does: string;
  /** Paths that imply this kind in a manifest without kinds. */
  paths: RegExp;
  /** The path in OpenAI's API. */
  usual: string;
}

const abilities: Readonly<Record<Exclude<ServedKind, 'other'>, Omit<Ability, 'kind'>>> = {
  chat: { does: 'answers prompts', paths: /\/v1\/chat\/completions$/, usual: '/v1/chat/completions' },
  completion: { does: 'completes text', paths: /\/v1\/completions$/, usual: '/v1/completions' },
  embedding: { does: 'makes embeddings', paths: /\/v1\/embeddings$/, usual: '/v1/embeddings' },
  rerank: { does: 'ranks texts', paths: /\/(v1\/)?rerank$/, usual: '/v1/rerank' },
  transcription: {
    does: 'transcribes speech',
    paths: /\/v1\/audio\/transcriptions$/,
    usual: '/v1/audio/transcriptions',
  },
  translation: { does: 'translates speech', paths: /\/v1\/audio\/translations$/, usual: '/v1/audio/translations' },
  speech: { does: 'speaks text', paths: /\/v1\/audio\/speech$/, usual: '/v1/audio/speech' },
  image: { does: 'draws images', paths: /\/v1\/images\/generations$/, usual: '/v1/images/generations' },
};

export const abilityFor = (kind: Exclude<ServedKind, 'other'>): Ability => ({ kind, ...abilities[kind] });
