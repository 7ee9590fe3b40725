import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toSrt, toVtt } from './subtitles.ts';

const facts = { tokens: [], temperature: 0, avgLogprob: 0, compressionRatio: 1, noSpeechProb: 0 };

describe('subtitles', () => {
  it('have times with hours, and one block for each segment', () => {
    const segments = [
      { ...facts, start: 0, end: 1.2345, text: ' Hello.' },
      { ...facts, start: 3661.5, end: 7325.9996, text: ' a --> b\n\nc' },
    ];
    assert.equal(
      toSrt(segments),
      '1\n00:00:00,000 --> 00:00:01,235\nHello.\n\n2\n01:01:01,500 --> 02:02:06,000\na -> b\nc\n\n',
    );
    assert.equal(
      toVtt(segments),
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.235\nHello.\n\n01:01:01.500 --> 02:02:06.000\na -> b\nc\n\n',
    );
  });

  it('are empty for silence', () => {
    assert.equal(toSrt([]), '');
    assert.equal(toVtt([]), 'WEBVTT\n\n');
  });
});
