/** `rbee transcribe` */
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import * as Flags from '@oclif/core/flags';
import type { Narrate } from '../../contract/api/narration.ts';
import { printableJsonText } from '../../narration/printable.ts';
import { argument } from '../base.ts';
import { InferenceCommand, modelFlags } from '../inference/command.ts';
import { expectWritable, fileToSend, writeOutput } from '../inference/files.ts';
import { parseNumber } from '../spawn-input.ts';

const help = 'rbee transcribe --help';

interface Transcript {
  model: string;
  worker: string;
  text: string;
  /** Details from the engine: language, duration in seconds, segments, words. */
  [detail: string]: unknown;
}

interface StreamEvent {
  type?: string;
  delta?: string;
  text?: string;
}

export default class Transcribe extends InferenceCommand {
  static override summary = 'Transcribe a recording; the text streams to stdout.';
  static override description = 'If no worker serves the model yet, one is started and keeps running.';
  static override examples = [
    { description: 'To text', command: 'rbee transcribe talk.mp3 -m hf:onnx-community/whisper-base' },
    { description: 'Subtitles', command: 'rbee transcribe talk.mp4 --format srt -o talk.srt' },
    { description: 'Translated to English, for programs', command: 'rbee transcribe rede.ogg --translate --json' },
  ];
  static override args = { file: argument('The recording: wav, mp3, flac, ogg, m4a or webm; - reads it from stdin') };
  static override flags = {
    ...modelFlags,
    language: Flags.string({ char: 'l', description: 'Spoken language, such as de [default: detected]' }),
    translate: Flags.boolean({ description: 'Translate to English' }),
    prompt: Flags.string({ description: 'Words to expect, such as names' }),
    temperature: Flags.string({ description: 'Randomness, 0 to 1', helpValue: '0' }),
    format: Flags.string({
      char: 'f',
      description: 'Output format',
      options: ['text', 'srt', 'vtt', 'json', 'verbose_json'],
      default: 'text',
    }),
    words: Flags.boolean({ description: 'Include the times of individual words (verbose_json and --json)' }),
    output: Flags.string({ char: 'o', description: 'File to write to instead of stdout' }),
  };

  async run(): Promise<Transcript> {
    const { args, flags } = await this.parse(Transcribe);
    const { temperature } = flags;
    const bounds = { min: 0, max: 1 };
    const heat = temperature === undefined ? undefined : parseNumber('temperature', temperature, help, bounds);
    const file = await fileToSend(args.file);
    if (flags.output !== undefined) await expectWritable(flags.output);
    const { queen, served } = await this.serving(flags, flags.translate ? 'translation' : 'transcription');
    const { model, path, worker } = served;
    const format = this.jsonEnabled() ? 'verbose_json' : flags.format;
    const streams = format === 'text' && flags.output === undefined;
    const body = new FormData();
    body.set('file', file);
    const fields = { model, language: flags.language, prompt: flags.prompt, temperature: heat };
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) body.set(name, String(value));
    // Streams have their own format.
    body.set('response_format', streams ? 'json' : format);
    if (streams) body.set('stream', 'true');
    if (flags.words) for (const level of ['word', 'segment']) body.append('timestamp_granularities[]', level);
    const name = args.file === '-' ? 'stdin' : args.file;
    const doing = `${flags.translate ? 'translating' : 'transcribing'} ${name}`;
    const answer = await this.asking({ queen, path, body, text: doing }, streams ? readStream : text);
    if (streams) return { model, worker, text: answer };
    if (flags.output !== undefined) {
      await writeOutput(flags.output, answer.endsWith('\n') ? answer : `${answer}\n`);
      this.err.line(`wrote ${flags.output}`);
    } else {
      const whole = answer.endsWith('\n') ? answer : `${answer}\n`;
      this.printText(format.endsWith('json') ? printableJsonText(whole) : whole);
    }
    return { model, worker, text: answer, ...(format.endsWith('json') ? JSON.parse(answer) : {}) };
  }
}

/** The text, printed as it arrives; engines that do not stream send it all at once. */
const readStream = async (answer: IncomingMessage, narrate: Narrate): Promise<string> => {
  if (!answer.headers['content-type']?.startsWith('text/event-stream')) {
    const whole = (JSON.parse(await text(answer)) as { text: string }).text;
    narrate({ kind: 'text', text: whole });
    return whole;
  }
  const { jsonEvents } = await import('../../queen/client/ask-worker.ts');
  let heard = '';
  for await (const { type, delta, text: whole } of jsonEvents<StreamEvent>(answer)) {
    const piece =
      type === 'transcript.text.delta' ? (delta ?? '') : heard === '' && type?.endsWith('.done') ? (whole ?? '') : '';
    heard += piece;
    if (piece !== '') narrate({ kind: 'text', text: piece });
  }
  return heard;
};
