/** The two paths of Whisper workers. */
import {
  type EventStream,
  invalidRequest,
  type RawAnswer,
  type RequestContext,
  type Route,
  type UploadedFile,
  type WorkerRequest,
} from '@rbee/worker-server';
import {
  type Granularity,
  type ResponseFormat,
  responseFormats,
  textOf,
  toAnswer,
  usageOf,
  verboseSegment,
} from './answers.ts';
import type { Engines } from './engines.ts';
import { createFileLog } from './file-log.ts';
import { languageCode } from './languages.ts';
import type { Heard, Segment, Task, TranscriptionRequest, Word } from './transcript.ts';

export interface RouteOptions {
  uploadBytes: number;
  /** Default language; null to detect it. */
  language: string | null;
}

interface Form {
  language?: string;
  prompt?: string;
  response_format?: ResponseFormat;
  temperature?: number;
  timestamp_granularities?: Granularity[];
  stream?: boolean;
}

const schema = {
  type: 'object',
  properties: {
    model: { type: 'string' },
    language: { type: 'string' },
    prompt: { type: 'string', maxLength: 100_000 },
    response_format: { type: 'string', enum: responseFormats },
    temperature: { type: 'number', minimum: 0, maximum: 1 },
    timestamp_granularities: { type: 'array', items: { type: 'string', enum: ['segment', 'word'] } },
    stream: { type: 'boolean' },
  },
};

export const createRoutes = (options: RouteOptions): Route<Engines>[] => [
  route('/v1/audio/transcriptions', 'transcribe', options),
  route('/v1/audio/translations', 'translate', options),
];

const route = (path: string, task: Task, options: RouteOptions): Route<Engines> => ({
  path,
  body: 'multipart',
  schema,
  files: { bytes: options.uploadBytes, count: 1 },
  handler: async (request, context) => {
    const form = request.body as Form;
    const format = form.response_format ?? 'json';
    const granularities = granularitiesOf(form, format);
    const asked: TranscriptionRequest = {
      task,
      language: languageOf(form.language, options.language),
      prompt: form.prompt ?? '',
      temperature: form.temperature ?? 0,
      words: granularities.includes('word'),
    };
    if (form.stream && (format === 'srt' || format === 'vtt')) {
      throw invalidRequest(`${format} cannot be streamed: leave stream out, or use another response_format`, 'stream');
    }
    const file = fileOf(request);
    return form.stream ? streamed(file, asked, format, context) : whole(file, asked, format, granularities, context);
  },
});

const fileOf = ({ files, body }: WorkerRequest): UploadedFile => {
  const file = files.find(({ field }) => field === 'file');
  if (file !== undefined) return file;
  const sentAsText = typeof (body as { file?: unknown }).file === 'string';
  throw invalidRequest(sentAsText ? 'file is text, not an upload: it needs a filename' : 'file is required', 'file');
};

const granularitiesOf = ({ timestamp_granularities: asked = [] }: Form, format: ResponseFormat): Granularity[] => {
  if (asked.length > 0 && format !== 'verbose_json') {
    throw invalidRequest('timestamp_granularities needs response_format to be verbose_json', 'timestamp_granularities');
  }
  return asked.length > 0 ? asked : ['segment'];
};

const languageOf = (written: string | undefined, usual: string | null): string | null => {
  if (written === undefined || written.trim() === '') return usual;
  if (written.trim().toLowerCase() === 'auto') return null;
  const code = languageCode(written);
  if (code === undefined) throw invalidRequest(`Whisper does not know the language "${written}"`, 'language');
  return code;
};

const whole = async (
  { path, name }: UploadedFile,
  request: TranscriptionRequest,
  format: ResponseFormat,
  granularities: readonly Granularity[],
  { loaded, signal, count, log }: RequestContext<Engines>,
): Promise<object | RawAnswer> => {
  const segments: Segment[] = [];
  const words: Word[] = [];
  const fileLog = createFileLog(name, log);
  const onHeard = (heard: Heard, seconds: number, share: number) => {
    segments.push(...heard.segments);
    words.push(...heard.words);
    count({ generated: tokensOf(heard) });
    fileLog.progress(seconds, share);
  };
  const transcribed = await loaded.transcribe({ path, request, signal, onHeard, onWarning: fileLog.warning });
  return toAnswer({ task: request.task, ...transcribed, segments, words }, format, granularities);
};

const streamed = async (
  { path, name }: UploadedFile,
  request: TranscriptionRequest,
  format: ResponseFormat,
  { loaded, signal, count, log, stream }: RequestContext<Engines>,
): Promise<undefined> => {
  const segments: Segment[] = [];
  const fileLog = createFileLog(name, log);
  let events: EventStream | undefined;
  const onHeard = (heard: Heard, seconds: number, share: number) => {
    // Until then, a bad file can still get an HTTP error.
    events ??= stream();
    for (const segment of heard.segments) sendSegment(events, segment, segments, format === 'verbose_json');
    count({ generated: tokensOf(heard) });
    fileLog.progress(seconds, share);
  };
  const { seconds } = await loaded.transcribe({ path, request, signal, onHeard, onWarning: fileLog.warning });
  events ??= stream();
  events.send({ type: 'transcript.text.done', text: textOf(segments), usage: usageOf({ seconds }) });
};

const sendSegment = (events: EventStream, segment: Segment, before: Segment[], verbose: boolean) => {
  const delta = before.length === 0 ? segment.text.trimStart() : segment.text;
  if (verbose) events.send({ type: 'transcript.text.segment', ...verboseSegment(segment, before.length) });
  before.push(segment);
  events.send({ type: 'transcript.text.delta', delta });
};

const tokensOf = ({ segments }: Heard) => segments.reduce((sum, { tokens }) => sum + tokens.length, 0);
