/** Draws the images of a request and sends them: all at once, or as a stream with steps. */
import type { RequestContext } from '@rbee/worker-server';
import { encodePicture } from './encode.ts';
import { type Painter, type Picture, type PictureOrder, type StartingPicture, stepsOf } from './painter.ts';
import type { ImageRequest } from './read-request.ts';

export interface PictureRequest extends ImageRequest {
  width: number;
  height: number;
  from?: StartingPicture;
  /** Prefix of event names. */
  events: 'image_generation' | 'image_edit';
}

export interface Answer {
  /** Seconds since 1970. */
  created: number;
  background: 'opaque';
  output_format: string;
  size: string;
  data: { b64_json?: string; url?: string; seed: number }[];
}

type Context = RequestContext<Painter>;

/** Returns the answer, or nothing if it was streamed. */
export const sendPictures = (request: PictureRequest, context: Context): Promise<Answer | undefined> =>
  request.stream ? streamPictures(request, context) : collectPictures(request, context);

const collectPictures = async (request: PictureRequest, context: Context): Promise<Answer> => {
  const data: Answer['data'] = [];
  for (let index = 0; index < request.count; index++) {
    const order = orderOf(request, index);
    const picture = await paint(order, context, new Set(), () => {});
    const encoded = (await encodePicture(picture, request.format, request.quality)).toString('base64');
    // A URL of this worker could reach another worker that serves the model, and would need its key.
    const sent = request.asUrl ? { url: `data:image/${request.format};base64,${encoded}` } : { b64_json: encoded };
    data.push({ ...sent, seed: order.seed });
  }
  return { created: seconds(), ...described(request), data };
};

const streamPictures = async (request: PictureRequest, context: Context): Promise<undefined> => {
  const stream = context.stream();
  const send = async (kind: string, fields: object) => {
    const type = `${request.events}.${kind}`;
    await stream.send({ type, ...fields }, type);
  };
  const pictureEvent = async (kind: string, picture: Picture, fields: object) => {
    const b64_json = (await encodePicture(picture, request.format, request.quality)).toString('base64');
    await send(kind, { b64_json, created_at: seconds(), ...described(request), ...fields });
  };
  for (let index = 0; index < request.count; index++) {
    const order = orderOf(request, index);
    const steps = stepsOf(order);
    const total = request.count * steps;
    // Send events in the order of the steps, even if encoding a preview takes long.
    let sent: Promise<void> = Promise.resolve();
    let partial = 0;
    const picture = await paint(order, context, previewSteps(steps, request.partialImages), (step, preview) => {
      sent = sent.then(async () => {
        await send('progress', { step: index * steps + step, steps: total, image: index });
        if (preview !== undefined) await pictureEvent('partial_image', preview, { partial_image_index: partial++ });
      });
      sent.catch(() => {});
    });
    await sent;
    await pictureEvent('completed', picture, { seed: order.seed, image: index });
  }
};

/** The images of a request have consecutive seeds. */
const orderOf = ({ order, width, height, from }: PictureRequest, index: number): PictureOrder => ({
  ...order,
  width,
  height,
  seed: (order.seed + index) % (Number.MAX_SAFE_INTEGER + 1),
  ...(from === undefined ? {} : { from }),
});

const paint = async (
  order: PictureOrder,
  { loaded, signal, log }: Context,
  previewAt: ReadonlySet<number>,
  onStep: (step: number, preview?: Picture) => void,
): Promise<Picture> => {
  signal.throwIfAborted();
  const picture = await loaded.paint(order, { signal, previewAt, onStep, note: log });
  return order.from?.mask === undefined ? picture : keptOutside(picture, order.from.picture, order.from.mask);
};

/** Restores the original pixels outside the mask. */
const keptOutside = (drawn: Picture, { rgb: original }: Picture, mask: Uint8Array): Picture => ({
  ...drawn,
  rgb: drawn.rgb.map((value, index) => ((mask[Math.floor(index / 3)] ?? 0) > 127 ? value : (original[index] ?? value))),
});

/** Spreads previews evenly over the steps, except the last one. */
const previewSteps = (steps: number, count: number): Set<number> => {
  const places = Array.from({ length: count }, (_, index) => Math.round((steps * (index + 1)) / (count + 1)));
  return new Set(places.filter((step) => step > 0 && step < steps));
};

const described = ({ format, width, height }: PictureRequest) => ({
  background: 'opaque' as const,
  output_format: format,
  size: `${width}x${height}`,
});

const seconds = () => Math.floor(Date.now() / 1000);
