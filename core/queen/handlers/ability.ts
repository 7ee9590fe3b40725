/** The kinds of requests: how to describe each, and the paths that usually serve it. */
import type { ServedKind } from '../../contract/worker-type/worker-type.ts';

export interface Ability {
  kind: ServedKind;
  /** Completes a sentence about a model: `transcribes speech`. */
  does: string;
  /** Paths that imply this kind in a manifest without kinds. */
  paths: RegExp;
  /** The path in OpenAI's API. */
  defaultPath: string;
}

const abilities: Readonly<Record<Exclude<ServedKind, 'other'>, Omit<Ability, 'kind'>>> = {
  chat: { does: 'answers prompts', paths: /\/v1\/chat\/completions$/, defaultPath: '/v1/chat/completions' },
  completion: { does: 'completes text', paths: /\/v1\/completions$/, defaultPath: '/v1/completions' },
  embedding: { does: 'makes embeddings', paths: /\/v1\/embeddings$/, defaultPath: '/v1/embeddings' },
  rerank: { does: 'ranks texts', paths: /\/(v1\/)?rerank$/, defaultPath: '/v1/rerank' },
  transcription: {
    does: 'transcribes speech',
    paths: /\/v1\/audio\/transcriptions$/,
    defaultPath: '/v1/audio/transcriptions',
  },
  translation: {
    does: 'translates speech',
    paths: /\/v1\/audio\/translations$/,
    defaultPath: '/v1/audio/translations',
  },
  speech: { does: 'speaks text', paths: /\/v1\/audio\/speech$/, defaultPath: '/v1/audio/speech' },
  image: { does: 'draws images', paths: /\/v1\/images\/generations$/, defaultPath: '/v1/images/generations' },
};

export const abilityFor = (kind: Exclude<ServedKind, 'other'>): Ability => ({ kind, ...abilities[kind] });
