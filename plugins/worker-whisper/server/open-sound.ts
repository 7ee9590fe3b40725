/** Opens a file as sound at its own rate, by channel. We read PCM ourselves; the library decodes everything else. */
import type { FileHandle } from 'node:fs/promises';
import decode from 'audio-decode';
import { AudioError, conversion, damaged, unsupportedCodec } from './audio-error.ts';
import { type AudioFormat, audioFormat, foreignFormat, formatNames, headBytes } from './audio-format.ts';
import { fourCharacterName } from './codec-names.ts';
import { readAiff } from './containers/aiff.ts';
import { readAu } from './containers/au.ts';
import { readCaf } from './containers/caf.ts';
import { readRiff } from './containers/riff.ts';
import type { Codec, SoundData } from './containers/sound-data.ts';
import { readWave64 } from './containers/wave64.ts';
import { readIndexFirst, soundCodec } from './faststart.ts';
import { readAt, readRange } from './file-bytes.ts';
import { cutOutsideHeads } from './flac-pieces.ts';
import { type PcmLayout, readPcm } from './pcm.ts';

export interface SoundPiece {
  channelData: readonly Float32Array[];
  sampleRate: number;
}

export interface Sound {
  format: AudioFormat;
  pieces: AsyncIterable<SoundPiece>;
  /** Share of the file that was read, 0 to 1. */
  progress(): number;
  /** A problem that does not stop the file from being read. */
  warning: string | undefined;
}

/** Small, because silence compresses two thousandfold: this much FLAC can be twenty minutes. */
const packedBytes = 4096;
/** Larger, because uncompressed sound does not grow. */
const plainBytes = 64 * 1024;
/** The WMA decoder buffers its input until the header is complete, which may never happen in a damaged file. */
const maxWmaHeaderBytes = 8 * 1024 * 1024;

export const openSound = async (file: FileHandle): Promise<Sound> => {
  const head = await readAt(file, 0, headBytes);
  const format = audioFormat(head);
  if (format === undefined) throw unreadable(head);
  const { size } = await file.stat();
  const readContainer = containers[format];
  const meter = createMeter(size);
  if (readContainer === undefined) {
    const pieces = decodePacked(meter.count(packedPieces(file, format, size)), format, file);
    return { format, pieces, progress: meter.share, warning: undefined };
  }
  const data = await readContainer(file);
  const end = Math.min(size, data.start + (data.length ?? Number.POSITIVE_INFINITY));
  meter.start(data.start, end);
  return {
    format,
    pieces: readData(file, format, data, end, meter),
    progress: meter.share,
    warning: warningOf(data, end),
  };
};

const containers: Partial<Record<AudioFormat, (file: FileHandle) => Promise<SoundData>>> = {
  wav: readRiff,
  w64: readWave64,
  aiff: readAiff,
  caf: readCaf,
  au: readAu,
};

const unreadable = (head: Buffer): AudioError => {
  if (head.length === 0) return new AudioError('audio_empty', 'the file is empty');
  const foreign = foreignFormat(head);
  if (foreign !== undefined) {
    return new AudioError('audio_unsupported_codec', `the file is ${foreign}, which is not supported; ${conversion}`);
  }
  return new AudioError(
    'audio_unknown_format',
    `the file is not in a supported audio format: ${formatNames}; if it is audio, ${conversion}`,
  );
};

/** Tracks the share that was read. */
const createMeter = (size: number) => {
  let read = 0;
  let total = size;
  return {
    start: (from: number, end: number) => {
      total = end - from;
    },
    share: () => (total <= 0 ? 1 : Math.min(1, read / total)),
    async *count(pieces: AsyncIterable<Uint8Array>) {
      for await (const piece of pieces) {
        read += piece.length;
        yield piece;
      }
    },
  };
};
type Meter = ReturnType<typeof createMeter>;

const warningOf = ({ length, start, codec, rate }: SoundData, end: number): string | undefined => {
  if (length === undefined || end >= start + length) return undefined;
  const there = Math.max(0, end - start);
  if (codec.kind !== 'pcm') return `the file is truncated: it has ${there} of ${length} bytes of sound`;
  const perSecond = rate * codec.layout.bytes * codec.layout.channels;
  const seconds = (bytes: number) => (bytes / perSecond).toFixed(1);
  return `the file is truncated: it has ${seconds(there)} of ${seconds(length)} seconds`;
};

const readData = (file: FileHandle, format: AudioFormat, data: SoundData, end: number, meter: Meter) => {
  const { codec, rate, start } = data;
  if (codec.kind === 'unsupported') throw unsupportedCodec(format, codec.name);
  if (codec.kind === 'packed') {
    const bytes = meter.count(readRange(file, start, end, packedBytes));
    return decodePacked(behind(codec, bytes), codec.decoder, file);
  }
  return readPlain(file, codec.layout, rate, start, end, meter);
};

async function* readPlain(
  file: FileHandle,
  layout: PcmLayout,
  sampleRate: number,
  start: number,
  end: number,
  meter: Meter,
): AsyncGenerator<SoundPiece> {
  const frame = layout.bytes * layout.channels;
  const pieces = readRange(file, start, end, Math.floor(plainBytes / frame) * frame);
  for await (const piece of meter.count(pieces)) yield { channelData: readPcm(piece, layout), sampleRate };
}

async function* behind({ head }: Extract<Codec, { kind: 'packed' }>, pieces: AsyncIterable<Uint8Array>) {
  if (head.length > 0) yield head;
  yield* pieces;
}

const packedPieces = (file: FileHandle, format: AudioFormat, size: number): AsyncIterable<Uint8Array> => {
  if (format === 'm4a') return readIndexFirst(file, packedBytes);
  const pieces = readRange(file, 0, size, packedBytes);
  return format === 'flac' ? cutOutsideHeads(pieces) : pieces;
};

async function* decodePacked(
  source: AsyncIterable<Uint8Array>,
  decoder: AudioFormat,
  file: FileHandle,
): AsyncGenerator<SoundPiece> {
  let silent = true;
  let fed = 0;
  const bytes = async function* () {
    for await (const piece of source) {
      fed += piece.length;
      if (decoder === 'wma' && silent && fed > maxWmaHeaderBytes) throw damaged(decoder, 'its header has no end');
      // The decoders need slice() to copy, which a Buffer's does not, so pass a Uint8Array.
      yield new Uint8Array(piece);
    }
  };
  try {
    // The library's types omit some decoders.
    for await (const piece of decode(bytes(), decoder as Parameters<typeof decode>[1])) {
      silent = false;
      yield piece;
    }
  } catch (cause) {
    throw await explained(cause, decoder, file);
  }
}

const explained = async (cause: unknown, decoder: AudioFormat, file: FileHandle): Promise<unknown> => {
  const message = cause instanceof Error ? cause.message : '';
  const named = unsupportedCodecMessage.exec(message)?.[1];
  if (named !== undefined) {
    return unsupportedCodec(decoder, named.length === 4 ? fourCharacterName(named) : named, { cause });
  }
  if (message !== 'No audio track found in MP4') return cause;
  const code = await soundCodec(file);
  return code === undefined
    ? new AudioError('audio_unreadable', 'the file contains no sound: it has no audio track', { cause })
    : unsupportedCodec(decoder, fourCharacterName(code), { cause });
};

/** How the library reports a codec that it does not support. */
const unsupportedCodecMessage = /^Unsupported (?:(?:MP4 audio|WebM) codec: |WMA format tag: )(.+)$/;
