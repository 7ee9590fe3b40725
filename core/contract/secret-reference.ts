/** References to secrets, used wherever the value must not appear: `secret:NAME` in specs, files, records and views. */
import Type from 'typebox';

/** A plain file name of letters, digits, `_` and `-`: it cannot leave its folder or be hidden. */
export const secretNamePattern = '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$';

export const secretName = Type.String({
  pattern: secretNamePattern,
  description: 'Name of a secret, such as hf-token',
});

/** In bytes. Linux cannot pass environment variables of 128 KiB or more to a process. */
export const maxSecretBytes = 64 * 1024;
/** Redacting a shorter value would garble ordinary words in logs. */
export const minSecretLength = 4;

/** Variables that a worker type may let users set; those of rbee are reserved. */
export const variablePattern = '^(?!RBEE_)[A-Za-z_][A-Za-z0-9_]{0,127}$';

const prefix = 'secret:';

export const secretReference = (name: string): string => `${prefix}${name}`;

/** The text after `secret:`, even if it is not a valid name; undefined if the value is not a reference. */
export const referencedSecret = (value: unknown): string | undefined =>
  typeof value === 'string' && value.startsWith(prefix) ? value.slice(prefix.length) : undefined;

/** All secrets that a worker references, without duplicates. */
export const secretsOf = ({ options, environment }: MayNameSecrets): string[] => {
  const values = [...Object.values(options ?? {}), ...Object.values(environment ?? {})];
  return [...new Set(values.map(referencedSecret).filter((name) => name !== undefined))];
};

export interface MayNameSecrets {
  options?: Readonly<Record<string, unknown>>;
  environment?: Readonly<Record<string, string>>;
}

/** Where a secret is referenced: by an existing worker, or by an entry of hives.conf. */
export type SecretUse =
  | { kind: 'worker'; hive: string; worker: string; state: string }
  | { kind: 'declared'; hive: string; type: string; line: number };

/** A secret as shown to users, without its value. */
export interface SecretView {
  name: string;
  /** When its value was last set; ISO 8601. */
  updatedAt: string;
  uses: readonly SecretUse[];
}
