/** Device flags: what binds the engine to one device and hides every other one from it. */
import type { Variant } from '@rbee/core/contract';

/** An engine for GPUs would get their numbers here, mostly in a variable: CUDA_VISIBLE_DEVICES and the like. */
export const deviceFlags: Variant['deviceFlags'] = () => ({ args: [], env: {} });
