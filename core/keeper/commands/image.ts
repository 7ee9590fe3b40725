/** `rbee image` */
import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import * as Flags from '@oclif/core/flags';
import type { Narrate } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import { argumentsOf } from '../base.ts';
import { InferenceCommand, modelFlags } from '../inference/command.ts';
import { expectWritable, numbered, writeOutput } from '../inference/files.ts';
import { parseNumber } from '../spawn-input.ts';

const help = 'rbee image --help';

interface Drawn {
  model: string;
  worker: string;
  prompt: string;
  /** Paths of the images, in the order they were drawn. */
  files: string[];
}

interface StreamEvent {
  type?: string;
  b64_json?: string;
  step?: number;
  steps?: number;
}

export default class Image extends InferenceCommand {
  static override summary = 'Draw an image from a prompt.';
  static override description =
    'If no worker serves the model yet, one is started and keeps running. Without --output, the file is named after the prompt.';
  static override examples = [
    { description: 'One image', command: 'rbee image "a bee in a hive" -o bee.png' },
    {
      description: 'Three images, reproducible with the seed',
      command: 'rbee image "a bee in a hive" -n 3 --size 512x512 --steps 20 --seed 7',
    },
  ];
  static override args = { prompt: argumentsOf('What to draw') };
  static override flags = {
    ...modelFlags,
    output: Flags.string({ char: 'o', description: 'File to write; with several images, each name gets a number' }),
    number: Flags.integer({ char: 'n', description: 'How many images', min: 1, max: 10, default: 1 }),
    size: Flags.string({ description: 'Width and height in pixels', helpValue: '512x512' }),
    steps: Flags.integer({ description: 'Denoising steps: more steps give finer images and take longer', min: 1 }),
    guidance: Flags.string({ description: 'How closely to follow the prompt', helpValue: '7.5' }),
    negative: Flags.string({ description: 'What to keep out of the image' }),
    seed: Flags.integer({ description: 'Same seed, same image', min: 0 }),
    format: Flags.string({
      description: 'Format [default: from the ending of --output, else png]',
      options: ['png', 'jpeg', 'webp'],
    }),
  };

  async run(): Promise<Drawn> {
    const { args, flags } = await this.parse(Image);
    const prompt = (args.prompt ?? []).join(' ').trim();
    if (prompt === '') throw RbeeError.of('USAGE', { problem: 'the prompt is missing', help });
    if (flags.size !== undefined && !/^\d{2,5}x\d{2,5}$/.test(flags.size))
      throw RbeeError.of('USAGE', { problem: `--size must be like 512x512, not "${flags.size}"`, help });
    const { guidance } = flags;
    const bounds = { min: 0, max: 100 };
    const scale = guidance === undefined ? undefined : parseNumber('guidance', guidance, help, bounds);
    const format = flags.format ?? formatOf(flags.output);
    const output = flags.output ?? freeName(prompt, format, flags.number);
    await expectWritable(output);
    const { queen, served } = await this.serving(flags, 'image');
    const { model, path, worker } = served;
    const { number: n, size, steps, negative, seed } = flags;
    const own = { steps, guidance_scale: scale, negative_prompt: negative, seed };
    const body = { model, prompt, n, size, output_format: format, response_format: 'b64_json', ...own };
    const doing = n === 1 ? `drawing ${output}` : `drawing ${n} images`;
    const images = await this.asking({ queen, path, body: { ...body, stream: true }, text: doing }, readImages);
    const files = images.map((_, index) => numbered(output, index, images.length));
    for (const [index, image] of images.entries()) await writeOutput(files[index]!, Buffer.from(image, 'base64'));
    for (const file of files) this.printLine(file);
    return { model, worker, prompt, files };
  }
}

/** The images as base64. Narrates progress if the engine streams it. */
const readImages = async (answer: IncomingMessage, narrate: Narrate): Promise<string[]> => {
  if (!answer.headers['content-type']?.startsWith('text/event-stream')) {
    const { data } = JSON.parse(await text(answer)) as { data: { b64_json: string }[] };
    return data.map(({ b64_json }) => b64_json);
  }
  const { jsonEvents } = await import('../../queen/client/ask-worker.ts');
  const images: string[] = [];
  for await (const { type, b64_json, step, steps } of jsonEvents<StreamEvent>(answer)) {
    if (type === 'image_generation.completed' && b64_json !== undefined) images.push(b64_json);
    if (step !== undefined) narrate({ kind: 'progress', id: 'ask', done: step, total: steps, unit: 'steps' });
  }
  return images;
};

const formatOf = (output: string | undefined): string => {
  if (/\.jpe?g$/i.test(output ?? '')) return 'jpeg';
  return /\.webp$/i.test(output ?? '') ? 'webp' : 'png';
};

/** A file name made from the prompt that does not exist yet. */
const freeName = (prompt: string, format: string, count: number): string => {
  const words = prompt.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-');
  const letters = [...words];
  // A file name has at most 255 bytes, and a letter takes up to four.
  while (Buffer.byteLength(letters.join('')) > 100) letters.pop();
  const stem = letters.join('').replace(/^-+|-+$/g, '') || 'image';
  for (let attempt = 1; ; attempt++) {
    const name = `${stem}${attempt === 1 ? '' : `-${attempt}`}.${format === 'jpeg' ? 'jpg' : format}`;
    if (!Array.from({ length: count }, (_, index) => numbered(name, index, count)).some(existsSync)) return name;
  }
};
