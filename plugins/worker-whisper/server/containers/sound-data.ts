/** What the header of a container says: where the sound is in the file, and how it is coded. */
import type { AudioFormat } from '../audio-format.ts';
import type { PcmLayout } from '../pcm.ts';

export interface SoundData {
  rate: number;
  channels: number;
  codec: Codec;
  /** Position of the sound in the file. */
  start: number;
  /** Bytes of sound according to the header; undefined where it does not say, as when a recorder wrote to a pipe. */
  length: number | undefined;
}

export type Codec =
  | { kind: 'pcm'; layout: PcmLayout }
  /** For a decoder of the library, which needs `head` before the sound. */
  | { kind: 'packed'; decoder: AudioFormat; head: Buffer }
  | { kind: 'unsupported'; name: string };
