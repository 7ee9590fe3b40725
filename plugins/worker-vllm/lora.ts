/** LoRA adapters as the option `lora_modules` names them. */
import type { Options } from './options.ts';

/** `sql=/loras/sql`; a path alone gives its last part for the name. */
export const readLoraModule = (text: string): { name: string; path: string } => {
  const at = text.indexOf('=');
  const path = text.slice(at + 1);
  const name = at === -1 ? (path.split('/').findLast((part) => part !== '') ?? path) : text.slice(0, at);
  return { name, path };
};

/** Names that requests give as their model to have an adapter used. */
export const loraNames = ({ lora_modules }: Pick<Options, 'lora_modules'>): string[] =>
  lora_modules.map((text) => readLoraModule(text).name);
