/** A file that cannot be transcribed, with a message for the client. */
export class AudioError extends Error {
  override readonly name = 'AudioError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A hint for files that are not supported. */
export const conversion = 'convert it with `ffmpeg -i IN -ar 16000 -ac 1 OUT.wav` and send that file';

/** The file itself may be fine; only its codec is not supported. */
export const unsupportedCodec = (format: string, codec: string, options?: ErrorOptions): AudioError =>
  new AudioError(
    'audio_unsupported_codec',
    `the sound in this ${format} file is coded as ${codec}, which is not supported; ${conversion}`,
    options,
  );

export const damaged = (format: string, reason: string, options?: ErrorOptions): AudioError =>
  new AudioError('audio_unreadable', `the ${format} file is damaged: ${reason}`, options);
