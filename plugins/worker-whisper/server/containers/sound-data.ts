/** The contents of a container's header: where the sound is, and how it is coded. */
import type { AudioFormat } from '../audio-format.ts';
import type { PcmLayout } from '../pcm.ts';

export interface SoundData {
  rate: number;
  channels: number;
  codec: Codec;
  /** Offset of the sound in the file. */
  start: number;
  /** Bytes of sound according to the header; undefined if it does not say, for example after recording to a pipe. */
  length: number | undefined;
}

export type Codec =
  | { kind: 'pcm'; layout: PcmLayout }
  /** For a library decoder, which needs `head` before the sound. */
  | { kind: 'packed'; decoder: AudioFormat; head: Buffer }
  | { kind: 'unsupported'; name: string };
