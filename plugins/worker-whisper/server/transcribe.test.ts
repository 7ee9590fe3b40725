import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Recognised, Recogniser, WindowRequest } from './recogniser.ts';
import { transcribe } from './transcribe.ts';
import type { Heard, TranscriptionRequest } from './transcript.ts';
import { createWindows } from './windows.ts';

const facts = { tokens: [1], temperature: 0, avgLogprob: 0, compressionRatio: 1, noSpeechProb: 0 };
const segment = (start: number, end: number, text: string) => ({ ...facts, start, end, text });
const request: TranscriptionRequest = { task: 'transcribe', language: null, prompt: '', temperature: 0, words: false };

/** Sound in pieces of a third of a second; `level` gives the level at each second. */
async function* sound(seconds: number, level: (second: number) => number = () => 0.5) {
  const length = Math.round(seconds * 16_000);
  for (let from = 0; from < length; from += 5333) {
    const count = Math.min(5333, length - from);
    yield Float32Array.from({ length: count }, (_, at) => level((from + at) / 16_000));
  }
}

const run = async (
  source: AsyncIterable<Float32Array>,
  recognise: (seconds: number, request: WindowRequest) => Partial<Recognised>,
  signal = new AbortController().signal,
) => {
  const recogniser: Recogniser = {
    windowSeconds: 30,
    recognise: async (samples, asked) => {
      const seconds = samples.length / 16_000;
      return { language: 'de', segments: [], words: [], consumed: seconds, ...recognise(seconds, asked) };
    },
    close: async () => {},
  };
  const heard: (Heard & { seconds: number })[] = [];
  const transcribed = await transcribe(recogniser, createWindows(source), request, {
    signal,
    onHeard: (one, seconds) => heard.push({ ...one, seconds }),
  });
  return { ...transcribed, heard, segments: heard.flatMap(({ segments }) => segments) };
};

describe('a long file', () => {
  it('is transcribed window by window, with times from its start', async () => {
    const { segments, seconds, language, heard } = await run(sound(70), (length) => ({
      segments: [segment(1, length, ' word')],
    }));
    assert.deepEqual(
      segments.map(({ start, end }) => [start, end]),
      [
        [1, 30],
        [31, 60],
        [61, 70],
      ],
    );
    assert.deepEqual([seconds, language], [70, 'de']);
    assert.deepEqual(
      heard.map((one) => one.seconds),
      [30, 60, 70],
    );
  });

  it('continues where the last sentence ended, and detects the language once', async () => {
    const languages: (string | null)[] = [];
    const lengths: number[] = [];
    const { segments } = await run(sound(40), (length, { language, isLast }) => {
      languages.push(language);
      lengths.push(length);
      return isLast ? { segments: [segment(0, 1, ' b')] } : { segments: [segment(0, 20, ' a')], consumed: 20 };
    });
    assert.deepEqual(lengths, [30, 20]);
    assert.deepEqual(languages, [null, 'de']);
    assert.deepEqual(
      segments.map(({ start }) => start),
      [0, 20],
    );
  });

  it('never gets stuck, and has no times beyond its end', async () => {
    let windows = 0;
    const { seconds, segments } = await run(sound(5), () => {
      windows += 1;
      return windows < 100 ? { consumed: 0, segments: [segment(0, 30, ' a'), segment(40, 50, ' b')] } : {};
    });
    assert.ok(windows <= 6, `${windows}`);
    assert.equal(seconds, 5);
    assert.ok(segments.every(({ start, end }) => start <= end && end <= 5));
  });

  it('has no invented text in silence', async () => {
    const at: number[] = [];
    const { segments, seconds, language } = await run(
      sound(120, (second) => (second > 60 && second < 61 ? 0.5 : 0)),
      (length) => {
        at.push(length);
        return { segments: [segment(0, 1, ' a')] };
      },
    );
    assert.deepEqual(at, [30]);
    assert.equal(segments[0]?.start, 60);
    assert.equal(seconds, 120);
    assert.equal(language, 'de');
    const silent = await run(
      sound(1, () => 0),
      () => assert.fail('nobody speaks'),
    );
    assert.deepEqual([silent.language, silent.segments], [null, []]);
  });

  it('is refused if it is too short', async () => {
    await assert.rejects(
      run(sound(0.05), () => ({})),
      /0\.05 seconds long; the minimum is 0\.1/,
    );
  });

  it('stops at the next window when cancelled', async () => {
    const leaving = new AbortController();
    let windows = 0;
    const heard = run(
      sound(300),
      () => {
        windows += 1;
        leaving.abort(new Error('left'));
        return {};
      },
      leaving.signal,
    );
    await assert.rejects(heard, /left/);
    assert.equal(windows, 1);
  });
});
