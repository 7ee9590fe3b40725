import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { levelsFlac, tone, toneWav } from '../test/sounds.ts';
import { decodeAudio } from './decode-audio.ts';

const samples = join(import.meta.dirname, '../test/samples');
const folder = mkdtempSync(join(tmpdir(), 'rbee-audio-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const fileOf = (bytes: Buffer | string): string => {
  const path = join(folder, `sound-${readdirSync(folder).length}`);
  writeFileSync(path, bytes);
  return path;
};

const decode = async (path: string) => {
  const decoding = await decodeAudio(path);
  const pieces: Float32Array[] = [];
  try {
    for await (const piece of decoding.samples) pieces.push(piece);
  } finally {
    await decoding.close();
  }
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const loudest = pieces.reduce((most, piece) => piece.reduce((top, one) => Math.max(top, Math.abs(one)), most), 0);
  return { seconds: length / 16_000, loudest, pieces: pieces.length, progress: decoding.progress() };
};

/** A WAV file with this header. */
const wav = (format: number, channels: number, rate: number, bits: number, data: Buffer): Buffer => {
  const head = toneWav(0).subarray(0, 44);
  head.writeUInt16LE(format, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE((rate * channels * bits) / 8, 28);
  head.writeUInt16LE((channels * bits) / 8, 32);
  head.writeUInt16LE(bits, 34);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
};

describe('decoding', () => {
  for (const name of readdirSync(samples)) {
    it(`reads ${name}`, async () => {
      const { seconds, loudest, progress } = await decode(join(samples, name));
      assert.ok(seconds > 1.85 && seconds < 2.1, `${seconds} s`);
      assert.ok(loudest > 0.35 && loudest < 0.65, `${loudest}`);
      // Not 1: of an MP4 file, the index and the sound are read, but not the data between them.
      assert.ok(progress > 0.9, `${progress}`);
    });
  }

  it('reads WAV of each width, rate and number of channels', async () => {
    const floats = Buffer.from(tone(1, { rate: 48_000 }).buffer);
    const bytes = Buffer.from(tone(1, { rate: 8000 }).map((sample) => 128 + Math.round(sample * 127)));
    const stereo = Buffer.alloc(44_100 * 4);
    tone(1, { rate: 44_100 }).forEach((sample, at) => {
      stereo.writeInt16LE(Math.round(sample * 32_767), at * 4);
      stereo.writeInt16LE(Math.round(sample * 32_767), at * 4 + 2);
    });
    for (const file of [
      toneWav(1),
      wav(3, 1, 48_000, 32, floats),
      wav(1, 1, 8000, 8, Buffer.from(bytes)),
      wav(1, 2, 44_100, 16, stereo),
    ]) {
      const { seconds, loudest } = await decode(fileOf(file));
      assert.ok(Math.abs(seconds - 1) < 0.01, `${seconds} s`);
      assert.ok(Math.abs(loudest - 0.4) < 0.02, `${loudest}`);
    }
  });

  it('treats NaN as silence', async () => {
    const broken = Buffer.from(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 0.25).buffer);
    assert.equal((await decode(fileOf(wav(3, 1, 16_000, 32, broken)))).loudest, 0.25);
  });

  it('returns an hour in pieces of a few minutes', async () => {
    const { seconds, pieces } = await decode(fileOf(levelsFlac(Array.from({ length: 3600 }, () => 0))));
    assert.equal(seconds, 3600);
    assert.ok(pieces > 10);
  });

  it('reports what is wrong with a file', async () => {
    const mp3 = readFileSync(join(samples, 'tone.mp3'));
    const m4a = readFileSync(join(samples, 'tone.m4a'));
    const cases: [bytes: Buffer | string, code: string, says: RegExp][] = [
      ['', 'audio_empty', /^the file is empty$/],
      ['This is no audio.', 'audio_unknown_format', /not in a supported audio format: wav, mp3/],
      [readFileSync(import.meta.filename), 'audio_unknown_format', /not in a supported audio format/],
      [toneWav(1).subarray(0, 44), 'audio_unreadable', /no sound/],
      [wav(1, 1, 16_000, 13, Buffer.alloc(100)), 'audio_unreadable', /too small for 1 channels of 13 bits/],
      [wav(1, 1, 16_000, 40, Buffer.alloc(100)), 'audio_unsupported_codec', /PCM with a bit depth of 40/],
      [wav(3, 1, 16_000, 16, Buffer.alloc(100)), 'audio_unsupported_codec', /PCM with a bit depth of 16/],
      [wav(1, 1, 7, 16, Buffer.alloc(100)), 'audio_unreadable', /sampling rate of 7 Hz/],
      [mp3.subarray(0, 20), 'audio_unreadable', /no sound/],
      [m4a.subarray(0, 2000), 'audio_unreadable', /cut off|index/],
      [Buffer.concat([Buffer.from('OggS'), Buffer.alloc(500)]), 'audio_unreadable', /./],
      [Buffer.concat([Buffer.from('fLaC'), Buffer.alloc(500, 7)]), 'audio_unreadable', /./],
      [Buffer.concat([Buffer.from([0x1a, 0x45, 0xdf, 0xa3]), Buffer.alloc(500, 7)]), 'audio_unreadable', /./],
    ];
    for (const [bytes, code, says] of cases) {
      await assert.rejects(decode(fileOf(bytes)), (error: Error & { code: string }) => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, says);
        return true;
      });
    }
  });

  it('reads a truncated file as far as it goes', async () => {
    for (const name of ['tone.mp3', 'tone.flac', 'tone.opus']) {
      const bytes = readFileSync(join(samples, name));
      const { seconds } = await decode(fileOf(bytes.subarray(0, bytes.length / 2)));
      assert.ok(seconds > 0.5 && seconds < 1.5, `${name}: ${seconds} s`);
    }
  });

  it('is refused if its header claims more channels than it can hold', async () => {
    for (const [channels, align] of [
      [65_535, 1],
      [0, 2],
      [8, 2],
    ] as const) {
      const bytes = wav(1, 1, 16_000, 16, Buffer.alloc(3200));
      bytes.writeUInt16LE(channels, 22);
      bytes.writeUInt16LE(align, 32);
      await assert.rejects(decodeAudio(fileOf(bytes)), { code: 'audio_unreadable' });
    }
  });
});
