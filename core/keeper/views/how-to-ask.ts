/** The command that asks a worker for what it can do. */

const commands: readonly (readonly [kind: string, command: (model: string) => string])[] = [
  ['chat', (model) => `rbee infer -m ${model} "Hello"`],
  ['completion', (model) => `rbee infer -m ${model} "Hello"`],
  ['transcription', (model) => `rbee transcribe -m ${model} FILE`],
  ['image', (model) => `rbee image -m ${model} "a bee in a hive"`],
  ['embedding', (model) => `rbee embed -m ${model} "Hello"`],
];

/** Null where no command of ours asks for such things. An older queen does not tell the kinds: then it is a prompt. */
export const howToAsk = (model: string, kinds: readonly string[] = ['chat']): string | null =>
  commands.find(([kind]) => kinds.includes(kind))?.[1](model) ?? null;
