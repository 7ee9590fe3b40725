/** Changes to `hives.conf` by commands: comments are kept, and the file is replaced atomically. */
import { addHive, type NewHive, removeHive } from '../../config/edit-hives-conf.ts';
import { loadHivesConf, parseHivesConf } from '../../config/hives-conf.ts';
import { formatToml } from '../../config/toml.ts';
import type { DeclaredType, HiveDeclaration } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import { changeHivesConf } from '../../sync/change-hives-conf.ts';

/** A worker type as given with `--worker`. */
export type WantedType = Pick<DeclaredType, 'type'> & { version?: string };

/** Declares a machine. Errors: CONFIG_INVALID, HIVE_ALREADY_DECLARED, HIVES_CONF_UNEDITABLE, FILE_UNREADABLE, STATE_UNWRITABLE. */
export const declareHive = async (
  file: string,
  hive: NewHive,
  types: readonly WantedType[],
): Promise<HiveDeclaration> => {
  let declared: HiveDeclaration | undefined;
  await changeHivesConf(file, (before) => {
    const text = withTypes(addHive(before, file, hive), types);
    declared = parseHivesConf(text, file).hives.find(({ alias }) => alias === hive.alias);
    if (!declared)
      throw RbeeError.of('HIVES_CONF_UNEDITABLE', { file, problem: 'the new entry cannot be found in it' });
    return text;
  });
  return declared!;
};

/** A sync acts on this file, so its ownership is checked. */
const edited = { isChosen: true };

/** Removes a machine. Errors: any from `declareHive`, HIVE_NOT_DECLARED, NO_HIVES_CONF. */
export const forgetHive = async (file: string, alias: string): Promise<void> => {
  if (loadHivesConf(file, edited) === null) throw RbeeError.of('NO_HIVES_CONF', { file });
  await changeHivesConf(file, (text) => removeHive(text, file, alias));
};

/** The declaration of a machine, or null. Errors: CONFIG_INVALID. */
export const declaredHive = (file: string, alias: string): HiveDeclaration | null =>
  loadHivesConf(file, edited)?.hives.find((hive) => hive.alias === alias) ?? null;

/** The new entry is at the end of the text, so its table is the one still open there. */
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
