/** Where the type's programs come from. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isSafePath, plainPath } from '../../contract/safe-path.ts';
import type { ResolvedType, ResolvedVariant } from '../../contract/worker-type/resolved-type.ts';
import type { BinarySource } from '../../contract/worker-type/worker-type.ts';
import { prepareSteps } from '../../programs/source-check.ts';
import { answerShapes, shapeProblem } from '../../worker-types/description.ts';
import { assert, attempt, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { binaryRequests, builtFor, platforms, sourcesOf } from '../samples.ts';

const shells = /^(?:ba|da|z|fi|k|c|tc)?sh(?:\.exe)?$|^(?:cmd|powershell|pwsh)(?:\.exe)?$/i;
const isInside = (path: string): boolean => isSafePath(plainPath(path));

const all = (type: ResolvedType): { variant: ResolvedVariant; source: BinarySource }[] =>
  type.variants.flatMap((variant) => sourcesOf(type, variant).map((source) => ({ variant, source })));

const ofKind = <Kind extends BinarySource['kind']>(type: ResolvedType, kind: Kind) =>
  all(type).flatMap(({ variant, source }) =>
    source.kind === kind ? [{ variant, source: source as Extract<BinarySource, { kind: Kind }> }] : [],
  );

export const binaryChecks = [
  {
    id: 'binaries.shape',
    title: 'every variant names its program sources for every platform, in a form that a hive accepts',
    check: ({ type }) => {
      for (const variant of type.variants) {
        for (const { what: where, request } of platforms.flatMap((platform) => binaryRequests(type, platform))) {
          const what = `resolveBinary of ${variant.id} on ${where}`;
          const sources = attempt(what, () => variant.resolveBinary(request));
          const problem = shapeProblem(answerShapes.resolveBinary, sources);
          assert(problem === undefined, `${what} returns ${shown(sources)}: ${problem}`);
        }
      }
    },
  },
  {
    id: 'binaries.somewhere',
    title: 'every variant has a source on at least one of its platforms',
    check: ({ type }) => {
      for (const variant of type.variants)
        assert(sourcesOf(type, variant).length > 0, `${variant.id} has no source on any platform that it is built for`);
    },
  },
  {
    id: 'binaries.formats',
    title: 'every model format has a program in some variant',
    needs: ['models'],
    check: ({ type }) => {
      for (const format of type.models?.formats ?? []) {
        const sources = type.variants.flatMap((variant) =>
          builtFor(variant)
            .flatMap((platform) => binaryRequests(type, platform))
            .filter(({ request }) => request.model?.format === format)
            .flatMap(({ what, request }) =>
              attempt(`resolveBinary of ${variant.id} on ${what}`, () => variant.resolveBinary(request)),
            ),
        );
        assert(sources.length > 0, `no variant names a program that loads ${format}`);
      }
    },
  },
  {
    id: 'binaries.before-model',
    title: 'without a model, every program that a model may need is named',
    needs: ['models'],
    check: ({ type }) => {
      for (const variant of type.variants) {
        for (const platform of builtFor(variant)) {
          const [any, ...each] = binaryRequests(type, platform).map(({ what, request }) => ({
            what,
            ids: attempt(`resolveBinary of ${variant.id} on ${what}`, () => variant.resolveBinary(request)).map(
              ({ id }) => id,
            ),
          }));
          for (const { what, ids } of each) {
            const missing = ids.find((id) => !any?.ids.includes(id));
            assert(
              missing === undefined,
              `${variant.id} on ${what} uses ${missing}, but does not name it without a model`,
            );
          }
        }
      }
    },
  },
  {
    id: 'binaries.ids',
    title: 'every source has a valid id',
    check: ({ type }) => {
      for (const { variant, source } of all(type))
        assert(/^[\w][\w.-]*$/.test(source.id), `a source of ${variant.id} has the id ${shown(source.id)}`);
    },
  },
  {
    id: 'binaries.no-shell',
    title: 'no source is a shell',
    check: ({ type }) => {
      for (const { source } of ofKind(type, 'path')) {
        assert(/^[^/\\\s]+$/.test(source.program), `${shown(source.program)} is not the name of a program`);
        assert(!shells.test(source.program), `${source.program} is a shell: name the program itself`);
      }
    },
  },
  {
    id: 'binaries.variables',
    title: 'variables that name a program belong to the type',
    check: ({ type }) => {
      for (const { source } of ofKind(type, 'path')) {
        if (source.variable === undefined) continue;
        assert(/^[A-Z][A-Z0-9_]*$/.test(source.variable), `${shown(source.variable)} is not a valid variable name`);
        assert(
          !/^(PATH|HOME|SHELL|EDITOR|NODE)$/.test(source.variable),
          `${source.variable} already has another meaning`,
        );
      }
    },
  },
  {
    id: 'binaries.scripts',
    title: 'scripts of the plugin are inside its package',
    check: ({ type }) => {
      for (const { source } of ofKind(type, 'module'))
        assert(isInside(source.script), `${shown(source.script)} is outside the package`);
    },
  },
  {
    id: 'binaries.scripts-there',
    title: 'scripts of the plugin exist',
    needs: ['root'],
    check: ({ type, root = '' }) => {
      for (const { source } of ofKind(type, 'module'))
        assert(existsSync(join(root, source.script)), `there is no ${source.script}: build the package first`);
    },
  },
  {
    id: 'binaries.archives',
    title: 'archives have an HTTP URL and a sha256, and contain the program',
    check: ({ type }) => {
      for (const { source } of ofKind(type, 'archive')) {
        for (const { url, sha256, strip = 0 } of [source, ...(source.overlays ?? [])]) {
          assert(/^https?:\/\/\S+$/.test(url), `${shown(url)} is not a URL to download from`);
          assert(/^[0-9a-f]{64}$/i.test(sha256), `${shown(sha256)} is not a sha256 (64 hexadecimal digits)`);
          assert(Number.isInteger(strip) && strip >= 0, `cannot strip ${shown(strip)} folders`);
        }
        assert(isInside(source.member), `${shown(source.member)} is outside the archive`);
      }
    },
  },
  {
    id: 'binaries.prepare',
    title: 'every prepare step is one that a hive supports, and nothing is installed before the venv exists',
    check: ({ type }) => {
      for (const { variant, source } of all(type)) {
        const { id, prepare = [] } = source;
        const problem = shapeProblem(prepareSteps, prepare);
        assert(problem === undefined, `prepare of ${id} of ${variant.id} is ${shown(prepare)}: ${problem}`);
        const first = source.kind === 'python' ? -1 : prepare.findIndex(({ kind }) => kind === 'venv');
        const early = prepare.findIndex(({ kind }) => kind === 'requirement' || kind === 'requirements');
        const inTime = early === -1 || source.kind === 'python' || (first !== -1 && first < early);
        assert(inTime, `prepare of ${id} of ${variant.id} installs ${shown(prepare[early])} before it makes a venv`);
      }
    },
  },
  {
    id: 'binaries.packages',
    title: 'npm and Python sources name one version of one package',
    check: ({ type }) => {
      for (const { source } of ofKind(type, 'npm')) {
        assert(
          /^\d+\.\d+\.\d+/.test(source.version),
          `${source.package}: ${shown(source.version)} is not an exact version`,
        );
        assert(source.bin !== '', `${source.package}: name one of its programs`);
      }
      for (const { source } of ofKind(type, 'python')) {
        assert(/^[A-Za-z0-9]/.test(source.requirement), `${shown(source.requirement)} is not a requirement`);
        assert(source.entryPoint !== '', `${source.requirement}: name one of its programs`);
      }
    },
  },
] as const satisfies readonly Check[];
