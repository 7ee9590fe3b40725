/** Binary resolution: where each build of ComfyUI runs, and where it comes from. */
import type { BinaryRequest, BinarySource, PrepareStep, Variant } from '@rbee/contract';
import { withDefaults } from './options.ts';

/** A program that passes its arguments to ComfyUI. */
const program: BinarySource = { kind: 'path', id: 'program', program: 'comfyui', variable: 'RBEE_COMFYUI' };
/** A folder with `main.py`. The adapter finds it and its Python, so there is nothing to resolve here. */
const folder: BinarySource = { kind: 'module', id: 'folder', script: 'dist/server/main.js' };

/** PyTorch's package index for each variant. The wheels for CUDA 12.9 also work with drivers for CUDA 13. */
const torchIndexes: Readonly<Record<string, string>> = {
  cuda: 'https://download.pytorch.org/whl/cu129',
  rocm: 'https://download.pytorch.org/whl/rocm6.4',
  cpu: 'https://download.pytorch.org/whl/cpu',
};

/** Creates an environment for a release. PyTorch is installed first, so that the build for the device is used. */
const environment = (index: string): readonly PrepareStep[] => [
  { kind: 'venv' },
  { kind: 'requirement', requirement: ['torch', 'torchvision', 'torchaudio'], indexes: [index] },
  { kind: 'requirements', file: 'requirements.txt', indexes: [index] },
];

const sources = (variant: string, { options: given }: BinaryRequest): readonly BinarySource[] => {
  const { directory, release, release_sha256: sha256, python, torch_index: index } = withDefaults(given);
  if (directory !== '') return [folder];
  if (release === '' || sha256 === '') return [program];
  const url = `https://github.com/Comfy-Org/ComfyUI/archive/refs/tags/v${release}.tar.gz`;
  const archive = { kind: 'archive', id: 'release', url, sha256, strip: 1, member: 'main.py' } as const;
  if (python !== '') return [program, archive];
  return [program, { ...archive, prepare: environment(index === '' ? (torchIndexes[variant] ?? '') : index) }];
};

const variantOf = (id: 'cuda' | 'rocm' | 'cpu'): Variant => ({
  id,
  binds: id,
  platforms: ['linux-x64', 'linux-arm64'],
  ...(id === 'cpu' && { deviceFlags: { args: ['--cpu'] } }),
  resolveBinary: (request) => sources(id, request),
});

export const variants: readonly Variant[] = [variantOf('cuda'), variantOf('rocm'), variantOf('cpu')];
