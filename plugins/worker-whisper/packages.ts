/** What of the npm packages a machine does without. */
import type { Variant, VariantPackages } from '@rbee/contract';

/** ONNX Runtime's npm package carries its programs for all of these, 290 MB; a machine needs those of one. */
const programs = ['darwin/arm64', 'linux/arm64', 'linux/x64', 'win32/arm64', 'win32/x64'];

const foreignTo = (platform: string): VariantPackages => ({
  leaveOutFiles: {
    'onnxruntime-node': programs.filter((one) => one !== platform).map((one) => `bin/napi-v6/${one}`),
  },
});

/**
 * ONNX Runtime for browsers comes inside transformers already, and images are not heard: together they are 160 MB. The
 * CUDA libraries are in no npm package; an install script of onnxruntime-node fetches them where it is allowed to.
 */
export const packages: Variant['packages'] = {
  leaveOut: ['onnxruntime-web', 'sharp'],
  on: Object.fromEntries(programs.map((platform) => [platform.replace('/', '-'), foreignTo(platform)])),
};
