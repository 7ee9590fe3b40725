/** Parses LoRA adapters from the option `lora_modules`. */
import type { Options } from './options.ts';

/** `sql=/loras/sql`; for a path alone, its last part is the name. */
export const readLoraModule = (text: string): { name: string; path: string } => {
  const at = text.indexOf('=');
  const path = text.slice(at + 1);
  const name = at === -1 ? (path.split('/').findLast((part) => part !== '') ?? path) : text.slice(0, at);
  return { name, path };
};

/** Model names with which requests select an adapter. */
export const loraNames = ({ lora_modules }: Pick<Options, 'lora_modules'>): string[] =>
  lora_modules.map((text) => readLoraModule(text).name);
