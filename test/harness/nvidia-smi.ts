/** A fake nvidia-smi that lists two GPUs, with a driver for CUDA 12.9. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes the program into a folder that the test has on its PATH. */
export const writeNvidiaSmi = (folder: string): void =>
  writeFileSync(join(folder, 'nvidia-smi'), program, { mode: 0o755 });

const program = `#!/bin/sh
case "$*" in
  *--query-gpu=*) for index in 0 1; do
    echo "$index, GPU-$index, NVIDIA L4, 00000000:0$index:00.0, 23034, 22000, 0, 575.51.03, 8.9"
  done;;
  *) echo "CUDA Version: 12.9";;
esac
`;
