/** `rbee embed` */
import { text } from 'node:stream/consumers';
import * as Flags from '@oclif/core/flags';
import { bodyLimit } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { argumentsOf } from '../base.ts';
import { InferenceCommand, modelFlags } from '../inference/command.ts';
import { readStdin } from '../inference/stdin.ts';

const help = 'rbee embed --help';

interface Embedding {
  model: string;
  worker: string;
  /** One vector per text, in the same order. */
  embeddings: number[][];
  usage: { prompt_tokens: number; total_tokens: number } | null;
}

interface Answer {
  data: { embedding: number[]; index: number }[];
  usage?: Embedding['usage'];
}

export default class Embed extends InferenceCommand {
  static override summary = 'Turn text into embedding vectors, one JSON array per text.';
  static override description =
    'If no worker serves the model yet, one is started and keeps running. Without a text, or with -, the text is read from stdin.';
  static override examples = [
    { description: 'One text', command: 'rbee embed -m demo "a bee in a hive"' },
    { description: 'Each line of a file', command: 'rbee embed -m nomic-embed --lines < titles.txt > vectors.jsonl' },
  ];
  static override args = { text: argumentsOf('Text to embed; - reads it from stdin') };
  static override flags = {
    ...modelFlags,
    lines: Flags.boolean({ description: 'Treat each line of stdin as a separate text; skip empty lines' }),
    dimensions: Flags.integer({ description: 'Length of the vectors, if the model supports it', min: 1 }),
  };

  async run(): Promise<Embedding> {
    const { args, flags } = await this.parse(Embed);
    const input = await readTexts(args.text, flags.lines);
    const { queen, served } = await this.serving(flags, 'embedding');
    const { model, path, worker } = served;
    const body = { model, input, encoding_format: 'float', dimensions: flags.dimensions };
    const what = input.length === 1 ? 'embedding one text' : `embedding ${input.length} texts`;
    const answer = await this.asking({ queen, path, body, text: what }, async (response) => {
      return JSON.parse(await text(response)) as Answer;
    });
    const embeddings = answer.data.toSorted((a, b) => a.index - b.index).map(({ embedding }) => embedding);
    if (!this.jsonEnabled()) for (const vector of embeddings) this.out.json(vector);
    return { model, worker, embeddings, usage: answer.usage ?? null };
  }
}

/** From the arguments, or from stdin if it is a pipe or `-` is given. */
const readTexts = async (words: readonly string[] | undefined, lines: boolean): Promise<string[]> => {
  const given = words ?? [];
  const fromStdin = lines || (given.length === 0 ? !process.stdin.isTTY : given.length === 1 && given[0] === '-');
  const piped = fromStdin ? String(await readStdin(4 * bodyLimit.operations)).trimEnd() : undefined;
  const whole = piped ?? given.join(' ');
  const texts = (lines ? whole.split(/\r?\n/) : [whole]).filter((one) => one.trim() !== '');
  if (texts.length > 0) return texts;
  throw RbeeError.of('USAGE', { problem: fromStdin ? 'stdin is empty' : 'the text is missing', help });
};
