/** The parts of npm packages that a machine does not need. */
import type { Variant, VariantPackages } from '@rbee/contract';

/** ONNX Runtime's npm package contains the programs for all these platforms, 290 MB; a machine needs those for one. */
const programs = ['darwin/arm64', 'linux/arm64', 'linux/x64', 'win32/arm64', 'win32/x64'];

const foreignTo = (platform: string): VariantPackages => ({
  leaveOutFiles: {
    'onnxruntime-node': programs.filter((one) => one !== platform).map((one) => `bin/napi-v6/${one}`),
  },
});

/**
 * transformers already contains ONNX Runtime for browsers, and speech needs no image library: leaving both out saves 160 MB.
 * The CUDA libraries are not on npm; an install script of onnxruntime-node downloads them if it may run.
 */
export const packages: Variant['packages'] = {
  leaveOut: ['onnxruntime-web', 'sharp'],
  on: Object.fromEntries(programs.map((platform) => [platform.replace('/', '-'), foreignTo(platform)])),
};
