/** Detects the audio format by the first bytes of a file; names and media types of uploads are unreliable. */

/** Containers that we read ourselves, and names of the library's decoders. */
export type AudioFormat =
  | 'wav'
  | 'w64'
  | 'au'
  | 'mp3'
  | 'flac'
  | 'oga'
  | 'opus'
  | 'm4a'
  | 'webm'
  | 'aac'
  | 'aiff'
  | 'caf'
  | 'amr'
  | 'ac3'
  | 'wma';

/** Bytes needed to detect the format. */
export const headBytes = 64;

/** The supported formats, for messages. */
export const formatNames =
  'wav, mp3, flac, ogg (vorbis, opus), m4a and mp4, webm, aac, aiff, caf, au, w64, amr, ac3, wma';

export const audioFormat = (head: Buffer): AudioFormat | undefined => {
  const at = (start: number, length = 4) => head.toString('latin1', start, start + length);
  const [first = 0, second = 0] = head;
  switch (at(0)) {
    case 'RIFF':
    case 'RIFX':
    case 'RF64':
    case 'BW64':
      return at(8) === 'WAVE' ? 'wav' : undefined;
    case 'riff':
      return at(24) === 'wave' ? 'w64' : undefined;
    case 'FORM':
      return at(8, 3) === 'AIF' ? 'aiff' : undefined;
    case '.snd':
    case 'dns.':
      return 'au';
    case 'fLaC':
      return 'flac';
    case 'caff':
      return 'caf';
    case 'OggS':
      return oggFormat(at(28, 8));
    case '\x1aEß£':
      return 'webm';
    case '0&²u':
      return 'wma';
  }
  if (at(4) === 'ftyp') return 'm4a';
  if (at(0, 3) === 'ID3') return 'mp3';
  if (/^#!AMR(-WB)?\n/.test(at(0, 9))) return 'amr';
  // E-AC-3 starts in the same way and has higher version numbers.
  if (first === 0x0b && second === 0x77 && (head[5] ?? 0) >> 3 <= 10) return 'ac3';
  if (first === 0xff && (second & 0xe0) === 0xe0) return (second & 0x06) === 0 ? 'aac' : 'mp3';
  return undefined;
};

/** Detects an Ogg codec by its header in the first page. */
const oggFormat = (codec: string): AudioFormat | undefined => {
  if (codec === 'OpusHead') return 'opus';
  if (codec.startsWith('\x7fFLAC')) return 'flac';
  return codec.startsWith('Speex') ? undefined : 'oga';
};

/** The name of a format that is recognised but not supported. */
export const foreignFormat = (head: Buffer): string | undefined => {
  const at = (start: number, length = 4) => head.toString('latin1', start, start + length);
  if (at(0) === 'RIFF' && at(8, 3) === 'AVI') return 'AVI';
  if (at(0) === 'OggS' && at(28, 5) === 'Speex') return 'Speex';
  if (head[0] === 0x0b && head[1] === 0x77) return 'E-AC-3';
  return foreignNames.find(([magic]) => at(0, magic.length) === magic)?.[1];
};

const foreignNames: readonly (readonly [magic: string, name: string])[] = [
  ['wvpk', 'WavPack'],
  ['MAC ', "Monkey's Audio"],
  ['MPCK', 'Musepack'],
  ['MP+', 'Musepack'],
  ['TTA1', 'True Audio'],
  ['DSD ', 'DSD'],
  ['FRM8', 'DSD'],
  ['qoaf', 'QOA'],
  ['.RMF', 'RealMedia'],
  ['.ra\xfd', 'RealAudio'],
  ['ajkg', 'Shorten'],
  ['NIST_1A', 'NIST SPHERE'],
  ['Creative Voice', 'Creative Voice'],
  ['MThd', 'MIDI, notes without sound'],
  ['\x7f\xfe\x80\x01', 'DTS'],
  ['FLV', 'Flash video'],
];
