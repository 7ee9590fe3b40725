/** How a secret is named wherever its value must not stand: `secret:NAME` in specs, files, records and views. */
import Type from 'typebox';

/** A plain file name: letters, digits, `_` and `-`, so that it can neither leave its folder nor hide in it. */
export const secretNamePattern = '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$';

export const secretName = Type.String({
  pattern: secretNamePattern,
  description: 'Name of a secret, such as hf-token',
});

/** Bytes. Environment variables of 128 KiB and more cannot be passed to a process on Linux. */
export const maxSecretBytes = 64 * 1024;
/** A shorter value would be replaced in ordinary words of every log. */
export const minSecretLength = 4;

/** Variables that a worker type may let its users set. Those of rbee are its own. */
export const variablePattern = '^(?!RBEE_)[A-Za-z_][A-Za-z0-9_]{0,127}$';

const prefix = 'secret:';

export const secretReference = (name: string): string => `${prefix}${name}`;

/** The text after `secret:`, whether it is a valid name or not; undefined for a value that is no reference. */
export const referencedSecret = (value: unknown): string | undefined =>
  typeof value === 'string' && value.startsWith(prefix) ? value.slice(prefix.length) : undefined;

/** All secrets that a worker is asked to use, each once. */
export const secretsOf = ({ options, environment }: MayNameSecrets): string[] => {
  const values = [...Object.values(options ?? {}), ...Object.values(environment ?? {})];
  return [...new Set(values.map(referencedSecret).filter((name) => name !== undefined))];
};

export interface MayNameSecrets {
  options?: Readonly<Record<string, unknown>>;
  environment?: Readonly<Record<string, string>>;
}

/** Where a secret is named: by a worker that is there, or by an entry of hives.conf. */
export type SecretUse =
  | { kind: 'worker'; hive: string; worker: string; state: string }
  | { kind: 'declared'; hive: string; type: string; line: number };

/** A secret as it is shown: never its value. */
export interface SecretView {
  name: string;
  /** When its value was set last, ISO 8601. */
  updatedAt: string;
  uses: readonly SecretUse[];
}
