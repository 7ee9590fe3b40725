/** The parts of npm packages that a machine does not need. */
import type { Variant, VariantPackages } from '@rbee/contract';

/** ONNX Runtime's npm package contains the programs for all these platforms, 290 MB; a machine needs those for one. */
const programs = ['darwin/arm64', 'linux/arm64', 'linux/x64', 'win32/arm64', 'win32/x64'];

const foreignTo = (platform: string): VariantPackages => ({
  leaveOutFiles: {
    'onnxruntime-node': programs.filter((one) => one !== platform).map((one) => `bin/napi-v6/${one}`),
  },
});

export const packages: Variant['packages'] = {
  on: Object.fromEntries(programs.map((platform) => [platform.replace('/', '-'), foreignTo(platform)])),
};
