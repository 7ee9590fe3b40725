/** Binary resolution: where each build of ComfyUI runs, and where it comes from. */
import type { BinaryRequest, BinarySource, PrepareStep, Variant } from '@rbee/contract';
import { withDefaults } from './options.ts';

/** A program that starts ComfyUI with the arguments that it gets. */
const program: BinarySource = { kind: 'path', id: 'program', program: 'comfyui', variable: 'RBEE_COMFYUI' };
/** A folder with `main.py`; the adapter finds it and its Python, so there is nothing to look for beforehand. */
const folder: BinarySource = { kind: 'module', id: 'folder', script: 'dist/server/main.js' };

/** Where the wheels of PyTorch for a variant are. Those for CUDA 12.9 run with the drivers for 13 too. */
const torchIndexes: Readonly<Record<string, string>> = {
  cuda: 'https://download.pytorch.org/whl/cu129',
  rocm: 'https://download.pytorch.org/whl/rocm6.4',
  cpu: 'https://download.pytorch.org/whl/cpu',
};

/** An environment for a release that comes without one. PyTorch goes first: its build is the one of the device. */
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
