/** Names of codecs by their codes in files. */

/** By the format tag of WAV and related formats. */
export const waveCodecName = (tag: number): string =>
  waveNames.get(tag) ?? `format tag 0x${tag.toString(16).padStart(4, '0')}`;

const waveNames = new Map<number, string>([
  [0x0010, 'OKI ADPCM'],
  [0x0014, 'G.723 ADPCM'],
  [0x0017, 'Dialogic OKI ADPCM'],
  [0x0020, 'Yamaha ADPCM'],
  [0x0022, 'TrueSpeech'],
  [0x0031, 'GSM 6.10'],
  [0x0040, 'G.721 ADPCM'],
  [0x0042, 'G.723.1'],
  [0x0045, 'G.726 ADPCM'],
  [0x0064, 'G.726 ADPCM'],
  [0x0065, 'G.722 ADPCM'],
  [0x0083, 'G.729'],
  [0x0092, 'AC-3 over S/PDIF'],
  [0x00ff, 'AAC without frame headers'],
  [0x0130, 'ACELP'],
  [0x0160, 'Windows Media Audio 1'],
  [0x0161, 'Windows Media Audio 2'],
  [0x0162, 'Windows Media Audio Pro'],
  [0x0163, 'Windows Media Audio Lossless'],
  [0x000a, 'Windows Media Voice'],
  [0x0200, 'Creative ADPCM'],
  [0x0270, 'ATRAC3'],
  [0x028f, 'G.722 ADPCM'],
  [0x2001, 'DTS'],
  [0x566f, 'Vorbis'],
  [0x674f, 'Vorbis'],
  [0x6771, 'Vorbis'],
  [0x704f, 'Opus'],
  [0xa109, 'Speex'],
  [0xf1ac, 'FLAC'],
]);

/** By the four-character code of AIFF, CAF and MP4. */
export const fourCharacterName = (code: string): string => fourCharacterNames.get(code.toLowerCase()) ?? `"${code}"`;

const fourCharacterNames = new Map<string, string>([
  ['aac ', 'AAC'],
  ['aach', 'HE-AAC'],
  ['aacp', 'HE-AAC 2'],
  ['ac-4', 'AC-4'],
  ['agsm', 'GSM 6.10'],
  ['alac', 'ALAC'],
  ['flac', 'FLAC'],
  ['g722', 'G.722 ADPCM'],
  ['g726', 'G.726 ADPCM'],
  ['gsm ', 'GSM 6.10'],
  ['ilbc', 'iLBC'],
  ['ima4', 'IMA ADPCM'],
  ['mac3', 'MACE 3:1'],
  ['mac6', 'MACE 6:1'],
  ['opus', 'Opus'],
  ['qclp', 'QCELP'],
  ['qdm2', 'QDesign 2'],
  ['qdmc', 'QDesign'],
  ['sqcp', 'QCELP'],
  ['usac', 'USAC'],
]);
