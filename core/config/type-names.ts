/** Aliases of worker types. */

const otherNames: Readonly<Record<string, string>> = {
  'llama-cpp': 'llamacpp',
  'llama.cpp': 'llamacpp',
  'stable-diffusion': 'sd',
};

/** The worker types that are rbee's own. */
export const ownTypes: readonly string[] = ['comfyui', 'llamacpp', 'sd', 'vllm', 'whisper'];

/** The canonical name of a worker type: `llama.cpp` is `llamacpp`. Plugins can define more aliases. */
export const typeName = (written: string): string => {
  const name = written.toLowerCase();
  return Object.hasOwn(otherNames, name) ? otherNames[name]! : name;
};
