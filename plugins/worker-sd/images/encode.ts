/** Converts between image files and pixels. */
import { type ApiError, invalidRequest } from '@rbee/worker-server';
import sharp from 'sharp';
import type { Picture } from './painter.ts';
import type { OutputFormat } from './read-request.ts';

/** Encodes an image as a file. The same image gives the same bytes. */
export const encodePicture = (picture: Picture, format: OutputFormat, quality: number): Promise<Buffer> => {
  const image = sharp(picture.rgb, { raw: { width: picture.width, height: picture.height, channels: 3 } });
  if (format === 'png') return image.png().toBuffer();
  // Neither format supports quality 0.
  const options = { quality: Math.max(1, quality) };
  return format === 'jpeg' ? image.jpeg(options).toBuffer() : image.webp(options).toBuffer();
};

/** Decodes an image in its own size. */
export const decodePicture = async (file: Buffer): Promise<Picture> => {
  const { data, info } = await sharp(file)
    .flatten({ background: '#000' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgb: onlyColours(data, info.channels) };
};

/** The formats that clients can send. sharp reads others, some of which can contain code. */
const formats: ReadonlySet<string> = new Set(['png', 'jpeg', 'webp', 'gif']);

/** Maximum pixels of an image from a client; larger ones would take too much memory. */
const maxPixels = 64 * 1024 * 1024;

export interface SentPicture {
  width: number;
  height: number;
  /** Resizes an image after applying its orientation; crops to the centre if the shape differs. */
  resized(width: number, height: number): Promise<Picture>;
  /**
   * The area that can change, as 255 and 0: the transparent part, or with `asMask`, the light part if nothing is transparent.
   * Undefined if there is no such part and it is not a mask.
   */
  mask(width: number, height: number, asMask: boolean): Promise<Uint8Array | undefined>;
}

/** Throws a 400 that names the field if the file is not an image. */
export const readPicture = async (file: Buffer, field: string): Promise<SentPicture> => {
  const open = () => sharp(file, { limitInputPixels: maxPixels, failOn: 'error' }).rotate();
  if (file.length === 0) throw badPicture(field, new Error('it is empty'));
  const metadata = await open()
    .metadata()
    .catch((cause: Error) => {
      throw badPicture(field, cause);
    });
  if (!formats.has(metadata.format)) throw badPicture(field, new Error(`it is ${metadata.format}`));
  const { width, height } = metadata.autoOrient;
  const hasAlpha = metadata.hasAlpha;
  const guarded = <Result>(reading: Promise<Result>) =>
    reading.catch((cause: Error) => {
      throw badPicture(field, cause);
    });
  const fitted = (columns: number, rows: number) => open().resize(columns, rows, { fit: 'cover' });
  return {
    width,
    height,
    resized: async (columns, rows) => {
      const { data, info } = await guarded(
        fitted(columns, rows).removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true }),
      );
      return { width: columns, height: rows, rgb: onlyColours(data, info.channels) };
    },
    mask: async (columns, rows, asMask) => {
      const opacity = hasAlpha
        ? await guarded(fitted(columns, rows).ensureAlpha().extractChannel('alpha').raw().toBuffer())
        : undefined;
      if (opacity?.some((value) => value < 128)) return opacity.map((value) => (value < 128 ? 255 : 0));
      if (!asMask) return undefined;
      const light = await guarded(fitted(columns, rows).removeAlpha().greyscale().extractChannel(0).raw().toBuffer());
      return light.map((value) => (value > 127 ? 255 : 0));
    },
  };
};

const badPicture = (field: string, cause: Error): ApiError =>
  invalidRequest(`${field} is not a readable image: ${cause.message}`, field, 'invalid_image');

/** Greyscale images have one channel. */
const onlyColours = (data: Uint8Array, channels: number): Uint8Array => {
  if (channels === 3) return data;
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      rgb[pixel * 3 + channel] = data[pixel * channels + (channels > 3 ? channel : 0)] ?? 0;
    }
  }
  return rgb;
};
