/** Where the type's programs come from. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ResolvedType, ResolvedVariant } from '../../contract/resolved-type.ts';
import { isSafePath, plainPath } from '../../contract/safe-path.ts';
import type { BinarySource } from '../../contract/worker-type.ts';
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
    title: 'every variant names its sources on every platform, in a form that a hive knows',
    check: ({ type }) => {
      for (const variant of type.variants) {
        for (const { what: where, request } of platforms.flatMap((platform) => binaryRequests(type, platform))) {
          const what = `resolveBinary of ${variant.id} on ${where}`;
          const sources = attempt(what, () => variant.resolveBinary(request));
          const problem = shapeProblem(answerShapes.resolveBinary, sources);
          assert(problem === undefined, `${what} answers ${shown(sources)}: ${problem}`);
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
    title: 'every format that the type loads has a program in some variant',
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
    title: 'before a model is known, every program is named that a model may come to need',
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
              `${variant.id} on ${what} takes ${missing}, and does not name it without one`,
            );
          }
        }
      }
    },
  },
  {
    id: 'binaries.ids',
    title: 'every source has an id to call its engine by',
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
        assert(/^[^/\\\s]+$/.test(source.program), `${shown(source.program)} is no name of a program`);
        assert(!shells.test(source.program), `${source.program} is a shell: name the program itself`);
      }
    },
  },
  {
    id: 'binaries.variables',
    title: 'variables that name a program are the type’s own',
    check: ({ type }) => {
      for (const { source } of ofKind(type, 'path')) {
        if (source.variable === undefined) continue;
        assert(/^[A-Z][A-Z0-9_]*$/.test(source.variable), `${shown(source.variable)} is no name of a variable`);
        assert(!/^(PATH|HOME|SHELL|EDITOR|NODE)$/.test(source.variable), `${source.variable} means something else`);
      }
    },
  },
  {
    id: 'binaries.scripts',
    title: 'scripts of the plugin lie inside its package',
    check: ({ type }) => {
      for (const { source } of ofKind(type, 'module'))
        assert(isInside(source.script), `${shown(source.script)} lies outside the package`);
    },
  },
  {
    id: 'binaries.scripts-there',
    title: 'scripts of the plugin are there',
    needs: ['root'],
    check: ({ type, root = '' }) => {
      for (const { source } of ofKind(type, 'module'))
        assert(existsSync(join(root, source.script)), `there is no ${source.script}: build the package first`);
    },
  },
  {
    id: 'binaries.archives',
    title: 'archives come over HTTP, with a sha256, and the program lies inside',
    check: ({ type }) => {
      for (const { source } of ofKind(type, 'archive')) {
        for (const { url, sha256, strip = 0 } of [source, ...(source.overlays ?? [])]) {
          assert(/^https?:\/\/\S+$/.test(url), `${shown(url)} is no URL to download from`);
          assert(/^[0-9a-f]{64}$/i.test(sha256), `${shown(sha256)} is no sha256 (64 hexadecimal digits)`);
          assert(Number.isInteger(strip) && strip >= 0, `${shown(strip)} folders cannot be left out`);
        }
        assert(isInside(source.member), `${shown(source.member)} lies outside the archive`);
      }
    },
  },
  {
    id: 'binaries.prepare',
    title:
      'what a program needs beside itself are steps that a hive knows, and nothing is installed before its environment',
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
          `${source.package}: ${shown(source.version)} is no exact version`,
        );
        assert(source.bin !== '', `${source.package}: which program of it?`);
      }
      for (const { source } of ofKind(type, 'python')) {
        assert(/^[A-Za-z0-9]/.test(source.requirement), `${shown(source.requirement)} is no requirement`);
        assert(source.entryPoint !== '', `${source.requirement}: which program of it?`);
      }
    },
  },
] as const satisfies readonly Check[];
