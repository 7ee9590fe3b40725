import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { tone } from '../test/sounds.ts';
import {
  chunk,
  containers,
  type Encoding,
  encodings,
  formatChunk,
  type Recording,
  riffOf,
  samplesOf,
  tolerance,
  writeRecording,
} from '../test/write-recording.ts';
import { decodeAudio } from './decode-audio.ts';
import { openSound } from './open-sound.ts';

const recordings = join(import.meta.dirname, '../test/recordings');
const folder = mkdtempSync(join(tmpdir(), 'rbee-sound-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const fileOf = (bytes: Buffer): string => {
  const path = join(folder, `sound-${readdirSync(folder).length}`);
  writeFileSync(path, bytes);
  return path;
};

/** The channels, rates and warning of a file, before resampling. */
const read = async (path: string) => {
  const file = await open(path, 'r');
  try {
    const { pieces, warning } = await openSound(file);
    const channels: number[][] = [];
    const rates = new Set<number>();
    for await (const { channelData, sampleRate } of pieces) {
      rates.add(sampleRate);
      channelData.forEach((samples, channel) => {
        channels[channel] ??= [];
        for (const sample of samples) channels[channel].push(sample);
      });
    }
    return { channels, rates: [...rates], warning };
  } finally {
    await file.close();
  }
};

const decode = async (path: string): Promise<number[]> => {
  const decoding = await decodeAudio(path);
  const samples: number[] = [];
  try {
    for await (const piece of decoding.samples) for (const sample of piece) samples.push(sample);
  } finally {
    await decoding.close();
  }
  return samples;
};

const tones = (seconds: number, rate: number, count: number) =>
  Array.from({ length: count }, (_, channel) => tone(seconds, { rate, hertz: 440 + 500 * channel }));

const expectSame = (found: readonly number[][], expected: Recording, what: string) => {
  assert.equal(found.length, expected.channels.length, what);
  expected.channels.forEach((samples, channel) => {
    assert.equal(found[channel]?.length, samples.length, what);
    const wrong = samples.findIndex(
      (sample, at) => Math.abs((found[channel]?.[at] ?? 9) - sample) > tolerance(expected.encoding, sample),
    );
    assert.equal(wrong, -1, `${what}: sample ${wrong} of channel ${channel} is ${found[channel]?.[wrong]}`);
  });
};

/** Every rate, in mono and stereo. */
const layouts = [8000, 16_000, 44_100, 48_000].flatMap((rate) => [1, 2].map((count) => ({ rate, count })));

describe('uncompressed sound', () => {
  // Every float and 32-bit recording failed with "start offset of Float32Array should be a multiple of 4": the decoder
  // viewed the file's bytes in place, at whatever address the sound started.
  for (const container of containers) {
    it(`in ${container} is read as it was written, in each width, rate and number of channels`, async () => {
      for (const encoding of encodings) {
        for (const { rate, count } of layouts) {
          const recording = { channels: tones(0.02, rate, count), rate, encoding };
          const bytes = writeRecording(container, recording);
          if (bytes === undefined) continue;
          const what = `${container} ${encoding} ${rate} Hz, ${count} channels`;
          const { channels, rates, warning } = await read(fileOf(bytes));
          expectSame(channels, recording, what);
          assert.deepEqual(rates, [rate], what);
          assert.equal(warning, undefined, what);
        }
      }
    });
  }

  it('gives the same sound at 16 kHz for every rate', async () => {
    const expected = tone(0.2);
    for (const encoding of ['f32', 's24', 'mulaw'] satisfies Encoding[]) {
      for (const { rate, count } of layouts) {
        const same = Array.from({ length: count }, () => tone(0.2, { rate }));
        const found = await decode(
          fileOf(writeRecording('riff', { channels: same, rate, encoding }) ?? Buffer.alloc(0)),
        );
        assert.equal(found.length, expected.length);
        // The filter rings at the start and end of the sound.
        for (let at = 200; at < expected.length - 200; at += 1) {
          const difference = Math.abs((found[at] ?? 9) - (expected[at] ?? 0));
          assert.ok(difference < 0.001 + tolerance(encoding, 0.4), `${encoding} at ${rate} Hz: ${difference} at ${at}`);
        }
      }
    }
  });

  it('is read piece by piece, however long the file is', async () => {
    const open4GiB = { size: 0xffff_ffff };
    const path = fileOf(
      riffOf([chunk('JUNK', Buffer.alloc(100_001)), formatChunk(short), chunk('data', data, open4GiB)], open4GiB),
    );
    truncateSync(path, 4 * 1024 ** 3);
    const file = await open(path, 'r');
    try {
      const { pieces, progress } = await openSound(file);
      let seen = 0;
      for await (const { channelData } of pieces) {
        assert.ok((channelData[0]?.length ?? 0) <= 65_536);
        seen += 1;
        if (seen === 100) break;
      }
      assert.ok(progress() > 0 && progress() < 0.01, `${progress()}`);
    } finally {
      await file.close();
    }
  });
});

const short: Recording = { channels: tones(0.3, 16_000, 1), rate: 16_000, encoding: 's16' };
const data = samplesOf(short, false);

describe('the chunks of a wav file', () => {
  // After an odd chunk there is a pad byte, which its size does not include. The decoder took it for the start of the next
  // chunk and found no sound.
  it('can be odd, before and after the sound', async () => {
    const odd = chunk('LIST', Buffer.from('INFOabc'));
    for (const [what, chunks] of [
      ['one before', [formatChunk(short), odd, chunk('data', data)]],
      ['before the format', [odd, odd, formatChunk(short), chunk('data', data)]],
      ['one after', [formatChunk(short), chunk('data', data), odd, odd]],
      [
        'without its pad byte',
        [formatChunk(short), chunk('LIST', Buffer.from('INFOabc'), { pad: false }), chunk('data', data)],
      ],
    ] as const) {
      expectSame((await read(fileOf(riffOf(chunks)))).channels, short, what);
    }
  });

  it('can follow an odd number of bytes of sound', async () => {
    const bytes: Recording = { ...short, channels: [tone(0.3).subarray(0, 4801 - 2)], encoding: 'u8' };
    const list = chunk('LIST', Buffer.from('INFOsoftware that says so at length'));
    const file = riffOf([formatChunk(bytes), chunk('data', samplesOf(bytes, false)), list]);
    expectSame((await read(fileOf(file))).channels, bytes, 'odd data');
  });

  it('have no length if the recorder could not seek', async () => {
    for (const [size, total] of [
      [0, 0],
      [0, 36],
      [0xffff_ffff, 0xffff_ffff],
      [0x7fff_f000, 0x7fff_f024],
      [0xffff_ffff - 36, 0xffff_ffff],
    ] as const) {
      const file = riffOf([formatChunk(short), chunk('data', data, { size })], { size: total });
      const { channels, warning } = await read(fileOf(file));
      expectSame(channels, short, `${size} of ${total}`);
      assert.equal(warning, undefined);
    }
  });

  it('are read as far as they go if the file ends early, with a warning', async () => {
    const file = writeRecording('riff', short) ?? Buffer.alloc(0);
    const { channels, warning } = await read(fileOf(file.subarray(0, 44 + 3201)));
    expectSame(channels, { ...short, channels: [tone(0.1)] }, 'cut off');
    assert.equal(warning, 'the file is truncated: it has 0.1 of 0.3 seconds');
  });

  it('are refused at once if they make no sense', async () => {
    for (const [bytes, says] of [
      [riffOf([Buffer.alloc(1_000_000)]), /too many chunks/],
      [riffOf([chunk('fmt ', Buffer.alloc(2), { size: 0xffff_fff0 })]), /fmt chunk is cut off/],
      [riffOf([chunk('data', data)]), /sound comes before its format/],
      [riffOf([formatChunk(short)]), /no data chunk/],
      [riffOf([]), /no fmt chunk/],
      [riffOf([formatChunk({ ...short, channels: [] }), chunk('data', data)]), /0 channels/],
      // The library's decoder would turn each piece into a gigabyte.
      [riffOf([chunk('fmt ', adpcmFormat(65_535)), chunk('data', data)]), /do not hold 65535 samples/],
    ] as const) {
      await assert.rejects(read(fileOf(bytes)), { code: 'audio_unreadable', message: says });
    }
  });
});

const adpcmFormat = (samples: number): Buffer => {
  const format = Buffer.alloc(20);
  [0x11, 1, 8000, 0, 4000, 0, 5, 4, 2, samples].forEach((value, at) => {
    format.writeUInt16LE(value, at * 2);
  });
  return format;
};

describe('compressed sound', () => {
  it('is read from wav, caf, aiff and others if the library can decode it', async () => {
    for (const name of [
      'mp3.wav',
      'mp3.caf',
      'ac3.wav',
      'tone.ac3',
      'ms-adpcm.wav',
      'ima-adpcm.wav',
      'ima4.caf',
      'ima4.aiff',
      'alac.m4a',
      'tone.amr',
      'wma2.wma',
    ]) {
      const { seconds, level } = measure(await decode(join(recordings, name)));
      assert.ok(seconds > 0.45 && seconds < 0.65, `${name}: ${seconds} s`);
      assert.ok(Math.abs(level - 0.4) < 0.03, `${name}: ${level}`);
    }
  });

  // A valid file in an unsupported codec was reported as damaged.
  it('is named if it is not supported, with the command that converts it', async () => {
    for (const [name, codec] of [
      ['gsm.wav', 'in this wav file is coded as GSM 6.10'],
      ['g726.wav', 'in this wav file is coded as G.726 ADPCM'],
      ['alac.caf', 'in this caf file is coded as ALAC'],
      ['opus.caf', 'in this caf file is coded as Opus'],
      ['wavpack.mkv', 'in this webm file is coded as WavPack'],
      ['ima4.mov', 'in this m4a file is coded as IMA ADPCM'],
      ['speex.ogg', 'the file is Speex'],
    ] as const) {
      await assert.rejects(decode(join(recordings, name)), (error: Error & { code: string }) => {
        assert.equal(error.code, 'audio_unsupported_codec', `${name}: ${error.message}`);
        assert.ok(error.message.includes(codec), error.message);
        assert.match(error.message, /`ffmpeg -i IN -ar 16000 -ac 1 OUT\.wav`/);
        return true;
      });
    }
  });
});

/** Length, and loudness of the 440 Hz tone in the middle. */
const measure = (samples: readonly number[]) => {
  const middle = samples.slice(2000, 6000);
  const along = (wave: (angle: number) => number) =>
    middle.reduce((sum, sample, at) => sum + (2 * sample * wave((2 * Math.PI * 440 * at) / 16_000)) / middle.length, 0);
  return { seconds: samples.length / 16_000, level: Math.hypot(along(Math.sin), along(Math.cos)) };
};

const hasSox = spawnSync('sox', ['--version']).error === undefined;

const sox = (args: readonly string[]) => {
  const { status, stderr } = spawnSync('sox', args, { encoding: 'utf8' });
  assert.equal(status, 0, `sox ${args.join(' ')}: ${stderr}`);
};

/** A file of raw samples, to convert. */
const bare = ({ channels, rate }: { channels: readonly Float32Array[]; rate: number }) =>
  fileOf(samplesOf({ channels, rate, encoding: 'f32' }, false));

describe('recorders', () => {
  it('sox', { skip: hasSox ? false : 'sox is not installed' }, async () => {
    const files: [encoding: Encoding, options: string, to: string][] = [
      ['f32', '-e floating-point -b 32', 'wav'],
      ['f64', '-e floating-point -b 64', 'wav'],
      ['s32', '-e signed-integer -b 32', 'wav'],
      ['s24', '-e signed-integer -b 24', 'wav'],
      ['s16', '-B -e signed-integer -b 16', 'wav'],
      ['u8', '-e unsigned-integer -b 8', 'wav'],
      ['alaw', '-e a-law', 'wav'],
      ['mulaw', '-e mu-law', 'wav'],
      ['s8', '-e signed-integer -b 8', 'aiff'],
      ['s24', '-e signed-integer -b 24', 'aiff'],
      ['f64', '-e floating-point -b 64', 'aifc'],
      ['f32', '-e floating-point -b 32', 'au'],
      ['mulaw', '-e mu-law', 'au'],
    ];
    for (const [number, [encoding, options, to]] of files.entries()) {
      const { rate, count } = layouts[number % layouts.length] ?? { rate: 16_000, count: 1 };
      const recording: Recording = { channels: tones(0.05, rate, count), rate, encoding };
      const source = ['-D', '-t', 'f32', '-r', String(rate), '-c', String(count), bare(recording)];
      const path = join(folder, `sox-${number}.${to}`);
      sox([...source, ...options.split(' '), path]);
      const { channels } = await read(path);
      // Compared with some tolerance: sox converts floats to 32-bit integers, and rounds 8-bit samples up.
      const nearby = { ...recording, encoding: encoding.startsWith('f') ? ('s24' as const) : encoding };
      expectSame(channels, nearby, `${options} to ${to}`);
    }
  });

  it('ffmpeg, also to a pipe', async () => {
    const written = { channels: [tone(0.1, { rate: 8000 })], rate: 8000 };
    for (const [name, encoding] of [
      ['float.wav', 's24'],
      ['piped.wav', 's24'],
      ['double.wav', 's24'],
      ['whole.wav', 's32'],
      ['long.wav', 's64'],
      ['large.wav', 's24'],
      ['sony.w64', 's24'],
      ['double.caf', 's24'],
      ['float.aiff', 's24'],
      ['float.mov', 's24'],
      ['telephone.au', 'alaw'],
    ] as const) {
      const { channels, rates, warning } = await read(join(recordings, name));
      expectSame(channels, { ...written, encoding }, name);
      assert.deepEqual([rates, warning], [[8000], undefined], name);
    }
  });
});
