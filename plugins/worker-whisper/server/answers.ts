/** Formats a transcript as OpenAI's clients expect it. */
import { type RawAnswer, rawAnswer } from '@rbee/worker-server';
import { languageName } from './languages.ts';
import { toSrt, toVtt } from './subtitles.ts';
import type { Segment, Task, Word } from './transcript.ts';

export const responseFormats = ['json', 'text', 'srt', 'vtt', 'verbose_json'] as const;
export type ResponseFormat = (typeof responseFormats)[number];

export interface Transcript {
  task: Task;
  /** Language code; null if nothing was said. */
  language: string | null;
  seconds: number;
  segments: readonly Segment[];
  words: readonly Word[];
}

export type Granularity = 'segment' | 'word';

/** `granularities`: what a verbose answer contains. */
export const toAnswer = (
  transcript: Transcript,
  format: ResponseFormat,
  granularities: readonly Granularity[],
): object | RawAnswer => {
  const text = textOf(transcript.segments);
  switch (format) {
    case 'text':
      return rawAnswer({ contentType: 'text/plain; charset=utf-8', body: `${text}\n` });
    case 'srt':
      return rawAnswer({ contentType: 'application/x-subrip; charset=utf-8', body: toSrt(transcript.segments) });
    case 'vtt':
      return rawAnswer({ contentType: 'text/vtt; charset=utf-8', body: toVtt(transcript.segments) });
    case 'json':
      return { text, usage: usageOf(transcript) };
    case 'verbose_json':
      return {
        task: transcript.task,
        // A translation is English, whatever was spoken.
        language: languageName(transcript.task === 'translate' ? 'en' : (transcript.language ?? 'en')),
        duration: transcript.seconds,
        text,
        ...(granularities.includes('segment') ? { segments: transcript.segments.map(verboseSegment) } : {}),
        ...(granularities.includes('word') ? { words: transcript.words } : {}),
        usage: usageOf(transcript),
      };
  }
};

export const textOf = (segments: readonly Segment[]): string =>
  segments
    .map(({ text }) => text)
    .join('')
    .trim();

export const verboseSegment = (segment: Segment, id: number) => ({
  id,
  // Number of 10 ms frames before it.
  seek: Math.round(segment.start * 100),
  start: segment.start,
  end: segment.end,
  text: segment.text,
  tokens: segment.tokens,
  temperature: segment.temperature,
  avg_logprob: segment.avgLogprob,
  compression_ratio: segment.compressionRatio,
  no_speech_prob: segment.noSpeechProb,
});

export const usageOf = ({ seconds }: Pick<Transcript, 'seconds'>) => ({
  type: 'duration',
  seconds: Math.ceil(seconds),
});
