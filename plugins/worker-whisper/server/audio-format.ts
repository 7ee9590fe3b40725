/** Tells what kind of audio a file is by its first bytes; names and media types of uploads say little. */

/** Names of the decoders. */
export type AudioFormat = 'wav' | 'mp3' | 'flac' | 'oga' | 'opus' | 'm4a' | 'webm' | 'aac' | 'aiff' | 'caf';

/** Bytes of a file's head that tell. */
export const headBytes = 64;

/** What people call the formats that are read. */
export const formatNames = 'wav, mp3, flac, ogg (vorbis, opus), m4a and mp4, webm, aac, aiff, caf';

export const audioFormat = (head: Buffer): AudioFormat | undefined => {
  const at = (start: number, length = 4) => head.toString('latin1', start, start + length);
  const [first = 0, second = 0] = head;
  switch (at(0)) {
    case 'RIFF':
      return at(8) === 'WAVE' ? 'wav' : undefined;
    case 'FORM':
      return at(8, 3) === 'AIF' ? 'aiff' : undefined;
    case 'fLaC':
      return 'flac';
    case 'caff':
      return 'caf';
    case 'OggS':
      // The first page holds the head of the codec.
      return at(0, headBytes).includes('OpusHead') ? 'opus' : at(28, 5) === '\x7fFLAC' ? 'flac' : 'oga';
    case '\x1aEß£':
      return 'webm';
  }
  if (at(4) === 'ftyp') return 'm4a';
  if (at(0, 3) === 'ID3') return 'mp3';
  if (first === 0xff && (second & 0xe0) === 0xe0) return (second & 0x06) === 0 ? 'aac' : 'mp3';
  return undefined;
};
