/** The options of the type. */
import type { OptionsSchema } from '@rbee/contract';

export const options = {
  type: 'object',
  properties: {
    directory: {
      type: 'string',
      default: '',
      description: 'Folder of an existing ComfyUI: the one with main.py',
    },
    python: {
      type: 'string',
      default: '',
      description:
        "Python with ComfyUI's requirements; empty means that of a venv beside main.py or of a release, else python3",
    },
    release: {
      type: 'string',
      pattern: '^([0-9]+\\.[0-9]+\\.[0-9]+)?$',
      default: '',
      description: 'Version of ComfyUI to install, such as 0.3.64, with PyTorch for the device; needs release_sha256',
    },
    release_sha256: {
      type: 'string',
      pattern: '^([0-9a-f]{64})?$',
      default: '',
      description: 'SHA-256 of the .tar.gz of that release',
    },
    torch_index: {
      type: 'string',
      pattern: '^((https?|file)://[^\\s@]+)?$',
      default: '',
      description: "Package index of PyTorch for a release; empty means PyTorch's own for the device",
    },
    checkpoint: {
      type: 'string',
      default: '',
      description:
        'Checkpoint of the built-in workflow, by its name in ComfyUI; empty means the model, or else the first one',
    },
    workflow: {
      type: 'string',
      default: '',
      description: 'Workflow for /v1/images/generations: path of a JSON file on the hive, in the API format',
    },
    size: {
      type: 'string',
      pattern: '^[0-9]{2,5}x[0-9]{2,5}$',
      default: '1024x1024',
      description: 'Width and height of images, unless the request sets them',
    },
    steps: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 20,
      description: 'Steps, unless the request sets them',
    },
    guidance: {
      type: 'number',
      minimum: 0,
      maximum: 100,
      default: 7,
      description: 'How closely to follow the prompt, unless the request sets it',
    },
    sampler: {
      type: 'string',
      pattern: '^[a-z0-9_]{1,60}$',
      default: 'euler',
      description: 'Sampler of the built-in workflow',
    },
    scheduler: {
      type: 'string',
      pattern: '^[a-z0-9_]{1,60}$',
      default: 'normal',
      description: 'Scheduler of the built-in workflow',
    },
    max_images: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 10,
      description: 'Maximum images per request',
    },
    queue_limit: {
      type: 'integer',
      minimum: 0,
      maximum: 100_000,
      default: 64,
      description: 'Image requests that can wait; more are refused with 429',
    },
    models_directory: {
      type: 'string',
      default: '',
      description: "Folder with checkpoints, loras, vae, ... in addition to ComfyUI's own",
    },
    output_directory: {
      type: 'string',
      default: '',
      description: "Where workflows save their images; empty means ComfyUI's own output folder",
    },
    vram: {
      type: 'string',
      enum: ['auto', 'gpu-only', 'highvram', 'normalvram', 'lowvram', 'novram'],
      default: 'auto',
      description: 'How much of the models to keep on the GPU',
    },
    reserve_vram: {
      type: 'number',
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'GiB of GPU memory that ComfyUI leaves free',
    },
    custom_nodes: {
      type: 'boolean',
      default: true,
      description: 'Load the custom nodes installed in ComfyUI, which run their authors’ Python code',
    },
    comfy_org_key: {
      type: 'string',
      secret: true,
      description: 'API key of comfy.org, for workflows with partner nodes, which run on paid services',
    },
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Additional arguments for ComfyUI; those that rbee sets itself are refused',
    },
  },
  additionalProperties: false,
} as const satisfies OptionsSchema;

/** The options that `command` receives: validated, with defaults filled in. */
export interface Options {
  directory: string;
  python: string;
  release: string;
  release_sha256: string;
  torch_index: string;
  checkpoint: string;
  workflow: string;
  size: string;
  steps: number;
  guidance: number;
  sampler: string;
  scheduler: string;
  max_images: number;
  queue_limit: number;
  models_directory: string;
  output_directory: string;
  vram: string;
  reserve_vram: number;
  custom_nodes: boolean;
  /** `secret:NAME`; absent if not set. */
  comfy_org_key?: string;
  extra_args: readonly string[];
}

const defaults = Object.fromEntries(
  Object.entries(options.properties).flatMap(([name, property]) =>
    'default' in property ? [[name, property.default]] : [],
  ),
);

/** Fills in defaults, for callers that pass only some options. */
export const withDefaults = (given: Readonly<Record<string, unknown>>): Options =>
  ({ ...defaults, ...given }) as unknown as Options;
