/**
 * The conformance tests of worker types. Authors run them with `rbee plugins check`; this entry is for the tests of this
 * repository, and no package exports it.
 */
export { type ResolvedType, resolveType } from '../contract/worker-type/resolved-type.ts';
export { type Area, areas, type Check } from './check.ts';
export { checks } from './checks/index.ts';
export { type ExamineOptions, examine } from './examine.ts';
export {
  type PackageJson,
  PluginUnderTest,
  type PluginUnderTestOptions,
  type RecordedFailure,
} from './plugin-under-test.ts';
export { type CheckResult, runChecks } from './run-checks.ts';
