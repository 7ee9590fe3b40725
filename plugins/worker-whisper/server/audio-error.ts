/** A file that cannot be transcribed, in words for the one who sent it. */
export class AudioError extends Error {
  override readonly name = 'AudioError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
