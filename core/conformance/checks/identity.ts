/** The identity of the type, and what it declares about itself. */

import { isSafePath, plainPath } from '../../contract/safe-path.ts';
import { workerTypeApiVersion } from '../../contract/worker-type/api-version.ts';
import {
  describeType,
  type MemberKind,
  plainCopy,
  probeMembers,
  typeMembers,
  variantMembers,
} from '../../contract/worker-type/members.ts';
import { checkDescription } from '../../worker-types/description.ts';
import { servedPathPattern } from '../../worker-types/manifest.ts';
import { assert, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { plainProblem } from '../plain.ts';

const kinds = [
  'chat',
  'completion',
  'embedding',
  'rerank',
  'transcription',
  'translation',
  'speech',
  'image',
  'other',
] as const;

/** Paths reserved by queen and worker, and patterns that include them. */
const reserved =
  /^\/(?:(?:health|metrics|v1\/(?:models|jobs|workers|hives|status|catalog|operations))(?:\/|$)|(?:v1\/)?[*{])/;

const isInside = (path: string): boolean => isSafePath(plainPath(path));

export const identityChecks = [
  {
    id: 'identity.name',
    title: 'its name consists of at most 42 lower-case letters, digits and dashes',
    check: ({ type }) =>
      assert(/^[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?$/.test(type.name), `name is ${shown(type.name)}`),
  },
  {
    id: 'identity.api-version',
    title: `it is written for version ${workerTypeApiVersion} of the contract`,
    check: ({ type }) => assert(type.apiVersion === workerTypeApiVersion, `apiVersion is ${shown(type.apiVersion)}`),
  },
  {
    id: 'identity.summary',
    title: 'its summary is one line of at most 300 characters',
    needs: ['summary'],
    check: ({ type: { summary = '' } }) =>
      assert(/^\S.{0,299}$/.test(summary) && summary === summary.trim(), `summary is ${shown(summary)}`),
  },
  {
    id: 'identity.members',
    title: 'it has no member outside the contract',
    check: ({ written }) => {
      const unknown = Object.keys(written).filter((member) => !Object.hasOwn(typeMembers, member));
      assert(unknown.length === 0, `the contract has no ${unknown.join(', ')}`);
    },
  },
  {
    id: 'identity.functions',
    title: 'its functions are functions, and its data is data',
    check: ({ written }) => {
      const all: [string, object, Readonly<Record<string, MemberKind>>][] = [
        ['the type', written, typeMembers],
        ...written.variants.map((one) => [`variant ${one.id}`, one, variantMembers] as (typeof all)[number]),
        ...(written.probes ?? []).map((one) => [`probe ${one.id}`, one, probeMembers] as (typeof all)[number]),
      ];
      for (const [owner, object, kinds] of all) {
        for (const [member, value] of Object.entries(object)) {
          const kind = kinds[member] ?? 'either';
          if (value === undefined || kind === 'either') continue;
          assert((typeof value === 'function') === (kind === 'function'), `${member} of ${owner} must be ${kind}`);
        }
      }
      for (const { id, resolveBinary } of written.variants)
        assert(resolveBinary !== undefined, `variant ${id} has no resolveBinary`);
      for (const { id, parse } of written.probes ?? []) assert(parse !== undefined, `probe ${id} has no parse`);
      for (const { kind, parse } of written.devices ?? []) assert(parse !== undefined, `${kind} has no parse`);
    },
  },
  {
    id: 'identity.plain-data',
    title: 'everything except its functions is plain data',
    check: ({ written }) => {
      const data = Object.entries(written).filter(([, value]) => typeof value !== 'function');
      const withoutFunctions = (item: object) =>
        Object.fromEntries(Object.entries(item).filter(([, value]) => typeof value !== 'function'));
      for (const [member, value] of data) {
        const lists = member === 'variants' || member === 'probes' || member === 'devices';
        const shown = member === 'failures' ? plainCopy(value) : value;
        const problem = plainProblem(lists ? (value as object[]).map(withoutFunctions) : shown, member);
        assert(problem === undefined, String(problem));
      }
    },
  },
  {
    id: 'identity.accepted',
    title: 'a hive accepts its description',
    check: ({ type, written }) =>
      void checkDescription(
        { package: type.name, version: '0.0.0', description: '', root: '', workerTypes: [] },
        {
          name: type.name,
          entry: '',
          serves: type.serves.map(({ path }) => path),
          variants: type.variants.map(({ id }) => id),
          devices: (type.devices ?? []).map(({ kind }) => kind),
        },
        describeType(written),
      ),
  },
  {
    id: 'identity.serves-paths',
    title: 'the paths that it serves are absolute, plain and unique',
    check: ({ type }) => {
      assert(type.serves.length > 0, 'it serves nothing');
      for (const { path } of type.serves)
        assert(new RegExp(servedPathPattern).test(path), `${shown(path)} is not a plain path`);
      const paths = type.serves.map(({ path }) => path);
      assert(new Set(paths).size === paths.length, `a path is served twice: ${paths.join(', ')}`);
    },
  },
  {
    id: 'identity.serves-kinds',
    title: 'each path that it serves has a known kind and method',
    check: ({ type }) => {
      for (const { path, kind, method = 'POST' } of type.serves) {
        assert(kinds.includes(kind), `${path} is of kind ${shown(kind)}; known kinds: ${kinds.join(', ')}`);
        const methods = method === 'any' ? ['GET', 'POST'] : [method].flat();
        assert(
          methods.length > 0 && methods.every((one) => /^(GET|POST|PUT|DELETE)$/.test(one)),
          `${path} has the method ${shown(method)}`,
        );
      }
    },
  },
  {
    id: 'identity.serves-own',
    title: 'it serves no path that rbee reserves',
    check: ({ type }) => {
      for (const { path } of type.serves) assert(!reserved.test(path), `${path} is reserved by rbee`);
    },
  },
  {
    id: 'identity.models',
    title: 'the formats and components of its models are named and described',
    needs: ['models'],
    check: ({ type: { models } }) => {
      assert((models?.formats.length ?? 0) > 0, 'models.formats is empty');
      for (const [name, { description: text }] of Object.entries(models?.components ?? {})) {
        assert(/^[a-z][a-z0-9_-]*$/.test(name) && name !== 'main', `a component cannot be called ${shown(name)}`);
        assert(/^\S.*$/.test(text ?? ''), `component ${name} needs a description of one line`);
      }
    },
  },
  {
    id: 'identity.demo',
    title: 'its demo model is inside the package',
    needs: ['demo'],
    check: ({ type }) => assert(isInside(type.models?.demo ?? ''), `models.demo is ${shown(type.models?.demo)}`),
  },
  {
    id: 'identity.adapter',
    title: 'the script of its adapter is inside the package',
    needs: ['adapter'],
    check: ({ type }) =>
      assert(isInside(type.adapter?.script ?? ''), `adapter.script is ${shown(type.adapter?.script)}`),
  },
] as const satisfies readonly Check[];
