/** Names of worker types as people write them. */

const otherNames: Readonly<Record<string, string>> = {
  'llama-cpp': 'llamacpp',
  'llama.cpp': 'llamacpp',
  'stable-diffusion': 'sd',
};

/** The worker types that are rbee's own. */
export const ownTypes: readonly string[] = ['comfyui', 'llamacpp', 'sd', 'vllm', 'whisper'];

/** The one name of a worker type: `llama.cpp` is `llamacpp`. Plugins may know more names of theirs. */
export const typeName = (written: string): string => {
  const name = written.toLowerCase();
  return Object.hasOwn(otherNames, name) ? otherNames[name]! : name;
};
