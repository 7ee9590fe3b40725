/** A client for sd-server's job API, the only one that shows the queue and can cancel waiting jobs. */
import { ApiError, invalidRequest } from '@rbee/worker-server';
import { encodePicture } from '../images/encode.ts';
import type { PictureOrder } from '../images/painter.ts';

export interface Job {
  id: string;
  status: 'queued' | 'generating' | 'completed' | 'failed' | 'cancelled';
  result?: { images?: { b64_json?: string }[] } | null;
  error?: { code?: string; message?: string } | null;
}

export interface Capabilities {
  samplers: string[];
  size: number;
  steps: number;
  guidance: number;
  /** sd-server's name for the model. */
  model?: string;
}

export interface Client {
  /** Whether it is listening. It does not answer until the model is loaded. */
  isReady(signal: AbortSignal): Promise<boolean>;
  capabilities(): Promise<Capabilities>;
  submit(order: PictureOrder): Promise<Job>;
  job(id: string): Promise<Job>;
  /** Cancels a waiting job; `false` if it is already being drawn. */
  cancel(id: string): Promise<boolean>;
}

export const createClient = (url: string): Client => ({
  isReady: async (signal) => (await fetch(`${url}/v1/models`, { signal })).ok,
  capabilities: async () => {
    const response = await fetch(`${url}/sdcpp/v1/capabilities`);
    const reported = response.ok ? ((await response.json()) as ReportedCapabilities) : {};
    const defaults = reported.defaults_by_mode?.img_gen ?? reported.defaults;
    const { sample_steps, guidance } = defaults?.sample_params ?? {};
    return {
      samplers: reported.samplers ?? [],
      size: defaults?.width ?? 512,
      steps: sample_steps ?? 20,
      guidance: guidance?.txt_cfg ?? 7,
      ...(reported.model?.name === undefined ? {} : { model: reported.model.name }),
    };
  },
  submit: async (order) => {
    const response = await fetch(`${url}/sdcpp/v1/img_gen`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(await jobBody(order)),
    });
    if (!response.ok) throw await errorOf(response);
    return (await response.json()) as Job;
  },
  job: async (id) => {
    const response = await fetch(`${url}/sdcpp/v1/jobs/${encodeURIComponent(id)}`);
    if (!response.ok) throw await errorOf(response);
    return (await response.json()) as Job;
  },
  cancel: async (id) => {
    const response = await fetch(`${url}/sdcpp/v1/jobs/${encodeURIComponent(id)}/cancel`, { method: 'POST' });
    await response.body?.cancel();
    return response.ok;
  },
});

interface ToldDefaults {
  width?: number;
  sample_params?: { sample_steps?: number; guidance?: { txt_cfg?: number } };
}

interface ReportedCapabilities {
  samplers?: string[];
  model?: { name?: string };
  defaults?: ToldDefaults;
  defaults_by_mode?: { img_gen?: ToldDefaults };
}

const jobBody = async (order: PictureOrder): Promise<object> => {
  const { width, height, seed, sampler, steps, guidance, from } = order;
  return {
    prompt: promptOf(order.prompt),
    negative_prompt: withoutExtraArguments(order.negative),
    width,
    height,
    seed,
    batch_count: 1,
    sample_params: {
      sample_steps: steps,
      guidance: { txt_cfg: guidance },
      ...(sampler === undefined ? {} : { sample_method: sampler }),
    },
    output_format: 'png',
    ...(from === undefined ? {} : await startOf(from)),
  };
};

const startOf = async ({ picture, strength, mask }: NonNullable<PictureOrder['from']>): Promise<object> => {
  const base64 = async (rgb: Uint8Array) => (await encodePicture({ ...picture, rgb }, 'png', 100)).toString('base64');
  return {
    init_image: await base64(picture.rgb),
    strength,
    ...(mask === undefined ? {} : { mask_image: await base64(grey(mask)) }),
  };
};

const grey = (values: Uint8Array): Uint8Array => {
  const rgb = new Uint8Array(values.length * 3);
  for (const [index, value] of values.entries()) rgb.fill(value, index * 3, index * 3 + 3);
  return rgb;
};

const promptOf = (prompt: string): string => {
  const plain = withoutExtraArguments(prompt);
  if (plain === '') throw invalidRequest('prompt is empty: say what to draw', 'prompt');
  return plain;
};

const extraArguments = /<sd_cpp_extra_args>[\s\S]*?(?:<\/sd_cpp_extra_args>|$)|<\/sd_cpp_extra_args>/gi;

/** sd-server's other APIs read parameters from this tag, including file paths, so clients must not send it. */
export const withoutExtraArguments = (prompt: string): string => {
  const plain = prompt.replace(extraArguments, ' ');
  // Removing a tag can form another one from the text around it.
  return plain === prompt ? prompt.trim() : withoutExtraArguments(plain);
};

/** Its errors are `{"error": "text"}`, or a short code with a separate message. */
const errorOf = async (response: Response): Promise<ApiError> => {
  const text = await response.text();
  const { error, message } = parsed(text);
  const said =
    [error, message].filter((part) => typeof part === 'string' && part !== '').join(': ') || text.slice(0, 300);
  if (response.status === 400) return invalidRequest(`sd-server refuses the request: ${said}`, null, 'engine_refused');
  const busy = response.status === 429;
  return new ApiError(busy ? 429 : 500, busy ? 'rate_limit_error' : 'server_error', `sd-server: ${said}`, {
    ...(busy ? { retryAfter: 1 } : {}),
  });
};

const parsed = (text: string): { error?: unknown; message?: unknown } => {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
};
