/** Text to image with one checkpoint file, for Stable Diffusion 1.x, 2.x and SDXL. */
import type { Graph } from './workflow.ts';

/** Images are previews, so that they do not pile up in ComfyUI's output folder. */
export const builtInWorkflow = (sampler: string, scheduler: string): Graph => ({
  model: node('CheckpointLoaderSimple', { ckpt_name: '{{checkpoint}}' }),
  prompt: node('CLIPTextEncode', { text: '{{prompt}}', clip: ['model', 1] }),
  negative: node('CLIPTextEncode', { text: '{{negative_prompt}}', clip: ['model', 1] }),
  canvas: node('EmptyLatentImage', { width: '{{width}}', height: '{{height}}', batch_size: 1 }),
  sampler: node('KSampler', {
    model: ['model', 0],
    positive: ['prompt', 0],
    negative: ['negative', 0],
    latent_image: ['canvas', 0],
    seed: '{{seed}}',
    steps: '{{steps}}',
    cfg: '{{guidance}}',
    sampler_name: sampler,
    scheduler,
    denoise: 1,
  }),
  decoded: node('VAEDecode', { samples: ['sampler', 0], vae: ['model', 2] }),
  image: node('PreviewImage', { images: ['decoded', 0] }),
});

const node = (class_type: string, inputs: Record<string, unknown>) => ({ class_type, inputs });
