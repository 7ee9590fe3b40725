/** `[aliases]` of `rbee.conf`: other names for models, such as `"gpt-4o" = "qwen3-8b"`. */
import { isTable } from './checks.ts';
import type { TomlDocument } from './toml.ts';

/** Served name by alias. */
export type Aliases = ReadonlyMap<string, string>;

/** As long as a served name may be. */
const maxLength = 256;

/** Problems are added to the document. An alias stands for a served name, never for another alias. */
export const readAliases = (document: TomlDocument, section: string, body: unknown): Aliases => {
  const aliases = new Map<string, string>();
  if (!isTable(body)) {
    document.wrong([section], `${section} must be a section`, `write it as [${section}]`);
    return aliases;
  }
  for (const [alias, name] of Object.entries(body)) {
    const wrong = (problem: string, hint: string) => document.wrong([section, alias], problem, hint);
    const example = 'write it as "gpt-4o" = "qwen3-8b"; quote names with dots or slashes';
    if (!isName(alias)) wrong('an alias must have 1 to 256 characters, without spaces at its ends', example);
    else if (typeof name !== 'string' || !isName(name)) wrong(`${alias} must be the name of a model`, example);
    else if (name === alias) wrong(`the alias ${alias} stands for itself`, 'name the model that it stands for');
    else if (Object.hasOwn(body, name))
      wrong(`${alias} stands for ${name}, which is an alias too`, 'name the model itself');
    else aliases.set(alias, name);
  }
  return aliases;
};

const isName = (text: string): boolean =>
  text.length > 0 && text.length <= maxLength && text.trim() === text && !/\p{Cc}/u.test(text);
