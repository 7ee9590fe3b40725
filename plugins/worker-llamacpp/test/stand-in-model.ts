/** The stand-in's models: the demo model's sentence, with tokens counted as in llama.cpp. */
import { sentenceTokens } from '../demo/sentence.ts';
import { GgufError, readGgufHeader } from '../server/gguf.ts';

export interface StandInModel {
  /** The pieces of the answer, one per token; endless for the endless model. */
  answer(): Generator<string>;
  trainContext: number;
}

/** Throws llama-server's log lines for a model that it cannot load. */
export const loadStandInModel = (path: string): StandInModel => {
  const header = readOrExplain(path);
  const last = header.tensors.at(-1);
  const lastBytes = last === undefined ? 0 : last.shape.reduce((product, length) => product * length, 4);
  if (last !== undefined && last.offset + lastBytes > header.fileSize) {
    throw new Error(
      `llama_model_load: error loading model: tensor '${last.name}' data is not within the file bounds, model is corrupted or incomplete`,
    );
  }
  const endless = String(header.metadata.get('general.name')).includes('endless');
  const pieces = sentenceTokens.map((token) => token.replaceAll('▁', ' '));
  return {
    trainContext: Number(header.metadata.get('llama.context_length') ?? 4096),
    *answer() {
      yield* pieces;
      while (endless) yield* [' Hello', ...pieces.slice(1)];
    },
  };
};

const readOrExplain = (path: string) => {
  try {
    return readGgufHeader(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      throw new Error(`gguf_init_from_file: failed to open GGUF file '${path}' (No such file or directory)`);
    }
    const magic = /begins with "(.*?)"/.exec(message)?.[1];
    if (error instanceof GgufError && magic !== undefined) {
      throw new Error(`gguf_init_from_reader: invalid magic characters: '${magic}', expected 'GGUF'`);
    }
    throw new Error('gguf_init_from_reader: failed to read key-value pairs');
  }
};

/** Counts tokens: our vocabulary has one for each byte and each control word, and texts use no others. */
export const countTokens = (text: string): number => {
  const words = text.match(/<\|im_start\|>|<\|im_end\|>/g)?.length ?? 0;
  const begin = 1;
  return begin + words + Buffer.byteLength(text.replace(/<\|im_start\|>|<\|im_end\|>/g, ''));
};

export const chatMl = (messages: readonly { role: string; content: string }[]): string =>
  `${messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('')}<|im_start|>assistant\n`;
