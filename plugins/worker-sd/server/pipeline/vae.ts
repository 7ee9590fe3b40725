/** Converts between images and latents, which have an eighth of their width and height. */
import type { Picture } from '../../images/painter.ts';
import type { Pipeline } from './load.ts';
import type { Sample } from './samplers.ts';
import type { Numbers } from './session.ts';

export const latentChannels = 4;
export const latentPixel = 8;

export const decodeLatent = async (
  { decoder, folder }: Pipeline,
  latent: Sample,
  width: number,
  height: number,
): Promise<Picture> => {
  const dims = [1, latentChannels, height / latentPixel, width / latentPixel];
  const data = latent.map((value) => value / folder.scalingFactor);
  const answers = await decoder.run({ [decoder.inputs[0] ?? 'latent_sample']: { data, dims } });
  const image = first(answers);
  const [, , rows = 0, columns = 0] = image.dims;
  if (rows !== height || columns !== width) throw new Error(`the VAE made ${columns}x${rows} of ${width}x${height}`);
  const plane = width * height;
  const rgb = new Uint8Array(plane * 3);
  for (let pixel = 0; pixel < plane; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = image.data[channel * plane + pixel] ?? 0;
      // Half-precision decoders overflow on some machines: without this check, the image would just be black.
      if (Number.isNaN(value))
        throw new Error('the VAE returned no valid numbers: try a model exported with 32-bit floats');
      rgb[pixel * 3 + channel] = Math.round(Math.min(1, Math.max(0, value / 2 + 0.5)) * 255);
    }
  }
  return { width, height, rgb };
};

export const encodePicture = async ({ encoder, folder }: Pipeline, picture: Picture): Promise<Sample> => {
  if (encoder === undefined) throw new Error('the model has no VAE encoder');
  const { width, height, rgb } = picture;
  const plane = width * height;
  const data = new Float32Array(plane * 3);
  for (let pixel = 0; pixel < plane; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      data[channel * plane + pixel] = ((rgb[pixel * 3 + channel] ?? 0) / 255) * 2 - 1;
    }
  }
  const answers = await encoder.run({ [encoder.inputs[0] ?? 'sample']: { data, dims: [1, 3, height, width] } });
  // Some exports return mean and variance, in this order, others a sample or only the mean.
  const latent = first(answers).data.subarray(0, (latentChannels * plane) / latentPixel ** 2);
  return latent.map((value) => value * folder.scalingFactor);
};

const first = (answers: Readonly<Record<string, Numbers>>): Numbers => {
  const [found] = Object.values(answers);
  if (found === undefined) throw new Error('the VAE has no output');
  return found;
};
