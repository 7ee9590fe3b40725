/** OpenAI's image API, served by a painter. */
import { ApiError, invalidRequest, type RequestContext, type Route, type WorkerRequest } from '@rbee/worker-server';
import { type Answer, sendPictures } from './answer.ts';
import { readPicture, type SentPicture } from './encode.ts';
import type { Painter, PainterFacts, StartingPicture } from './painter.ts';
import { type ImageBody, minSize, readRequest, readStrength } from './read-request.ts';
import { type Bounds, editSchema, generationSchema } from './schemas.ts';

type Context = RequestContext<Painter>;

const mebibyte = 1024 * 1024;

export const imageRoutes = (bounds: Bounds): Route<Painter>[] => [
  {
    path: '/v1/images/generations',
    schema: generationSchema(bounds),
    handler: async ({ body }, context) => {
      const { facts } = context.loaded;
      const request = readRequest(body as ImageBody, facts, bounds);
      const { width, height } = request.size ?? { width: facts.size, height: facts.size };
      return sendPictures({ ...request, width, height, events: 'image_generation' }, context);
    },
  },
  {
    path: '/v1/images/edits',
    body: 'multipart',
    schema: editSchema(bounds),
    files: { bytes: 50 * mebibyte, count: 17 },
    handler: (request, context) => edit(request, context, bounds),
  },
];

const edit = async ({ body, files }: WorkerRequest, context: Context, bounds: Bounds): Promise<Answer | undefined> => {
  const { facts } = context.loaded;
  if (!facts.canEdit) {
    throw new ApiError(400, 'invalid_request_error', 'this model cannot edit images: it has no VAE encoder', {
      code: 'unsupported_operation',
      hint: 'draw with /v1/images/generations, or load a model that has a VAE encoder',
    });
  }
  const fields = body as ImageBody;
  const request = readRequest(fields, facts, bounds);
  const images = files.filter(({ field }) => field === 'image');
  const [first] = images;
  if (first === undefined) throw invalidRequest('image is required', 'image');
  if (images.length > 1) throw invalidRequest('this model edits one image at a time', 'image');
  const picture = await readPicture(await first.read(), 'image');
  const { width, height } = request.size ?? fitting(picture, facts);
  const maskFile = files.find(({ field }) => field === 'mask');
  const mask = maskFile
    ? await (await readPicture(await maskFile.read(), 'mask')).mask(width, height, true)
    : await picture.mask(width, height, false);
  const from: StartingPicture = {
    picture: await picture.resized(width, height),
    strength: readStrength(fields, mask !== undefined),
    ...(mask === undefined ? {} : { mask }),
  };
  return sendPictures({ ...request, width, height, from, events: 'image_edit' }, context);
};

/** Scales the image's shape to the size that the model draws. */
const fitting = ({ width, height }: SentPicture, { size }: PainterFacts) => {
  const scale = size / Math.max(width, height);
  const edge = (pixels: number) => Math.max(minSize, Math.round((pixels * scale) / 8) * 8);
  return { width: edge(width), height: edge(height) };
};
