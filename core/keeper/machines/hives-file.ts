/** `hives.conf` as commands change it: read, edited without losing a comment, written back at once. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { addHive, type NewHive, removeHive } from '../../config/edit-hives-conf.ts';
import { loadHivesConf, parseHivesConf } from '../../config/hives-conf.ts';
import { formatToml } from '../../config/toml.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { DeclaredType, HiveDeclaration } from '../../contract/sync.ts';
import { makeFolder } from '../../lifecycle/atomic-file.ts';
import { writeOutput } from '../inference/files.ts';

/** A type as `--worker` gives it. */
export type WantedType = Pick<DeclaredType, 'type'> & { version?: string };

/** Declares a machine. Errors: CONFIG_INVALID, HIVE_DECLARED, HIVES_CONF_UNEDITABLE, FILE_UNREADABLE, FILE_UNWRITABLE. */
export const declareHive = async (
  file: string,
  hive: NewHive,
  types: readonly WantedType[],
): Promise<HiveDeclaration> => {
  const text = withTypes(addHive(await textOf(file), file, hive), types);
  const declared = parseHivesConf(text, file).hives.find(({ alias }) => alias === hive.alias);
  if (!declared) throw RbeeError.of('HIVES_CONF_UNEDITABLE', { file, problem: 'what was added is not found in it' });
  await makeFolder(dirname(file));
  await writeOutput(file, text);
  return declared;
};

/** Takes a machine out. Errors: those of `declareHive`, HIVE_NOT_DECLARED, NO_HIVES_CONF. */
export const forgetHive = async (file: string, alias: string): Promise<void> => {
  if (loadHivesConf(file) === null) throw RbeeError.of('NO_HIVES_CONF', { file });
  await writeOutput(file, removeHive(await textOf(file), file, alias));
};

/** The declaration of a machine; null where there is none. Errors: CONFIG_INVALID. */
export const declaredHive = (file: string, alias: string): HiveDeclaration | null =>
  loadHivesConf(file)?.hives.find((hive) => hive.alias === alias) ?? null;

/** What was added stands at the end of the text: its table is the one that is still open there. */
const withTypes = (text: string, types: readonly WantedType[]): string => {
  if (types.length === 0) return text;
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  const entries = types.map(
    (type) =>
      `  { ${formatToml({ ...type })
        .trimEnd()
        .replaceAll('\n', ', ')} },${end}`,
  );
  return `${text}workers = [${end}${entries.join('')}]${end}`;
};

const textOf = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw RbeeError.of('FILE_UNREADABLE', { path: file, problem: (error as Error).message }, { cause: error });
  }
};
