/** The command that sends a request to a worker of this kind. */

const commands: readonly (readonly [kind: string, command: (model: string) => string])[] = [
  ['chat', (model) => `rbee infer -m ${model} "Hello"`],
  ['completion', (model) => `rbee infer -m ${model} "Hello"`],
  ['transcription', (model) => `rbee transcribe -m ${model} FILE`],
  ['image', (model) => `rbee image -m ${model} "a bee in a hive"`],
  ['embedding', (model) => `rbee embed -m ${model} "Hello"`],
];

/** Null if no command sends such requests. An older queen does not send the kinds: then a prompt is assumed. */
export const howToAsk = (model: string, kinds: readonly string[] = ['chat']): string | null =>
  commands.find(([kind]) => kinds.includes(kind))?.[1](model) ?? null;
