/**
 * A worker type with everything worked out that its author may leave to rbee: what is data for convenience becomes the
 * function that it stands for. This is how a hive sees every type, and so does the examiner.
 */
import { diagnoseByRules } from './failure-rules.ts';
import type { Diagnosis, Failure, WorkerType } from './worker-type.ts';

export interface ResolvedType extends WorkerType {
  /** The rules first, then the type's own function. */
  diagnose(failure: Failure): Diagnosis | undefined;
}

export const resolveType = <Type extends WorkerType>(type: Type): Resolved<Type> => ({
  ...type,
  diagnose: (failure: Failure) => diagnoseByRules(type.failures ?? [], failure) ?? type.diagnose?.(failure),
});

type Resolved<Type> = Omit<Type, 'diagnose'> & Pick<ResolvedType, 'diagnose'>;
