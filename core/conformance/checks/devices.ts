/** The device kinds that the type defines. */
import { kindPattern, reservedKinds } from '../../contract/device.ts';
import type { ResolvedType } from '../../contract/worker-type/resolved-type.ts';
import type { ProgramOutput } from '../../contract/worker-type/worker-type.ts';
import { devicesAnswer, shapeProblem } from '../../worker-types/description.ts';
import { assert, attempt, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { malformedOutput } from '../fuzz-inputs.ts';
import { kindsOf } from '../samples.ts';

const said = (stdout: string, code: number | null = 0): ProgramOutput => ({ stdout, stderr: '', code });

const parsed = (type: ResolvedType, what: string, outputs: readonly ProgramOutput[]): void => {
  for (const { kind, parse } of type.devices ?? []) {
    for (const output of outputs) {
      const found = attempt(`parse of ${kind} on ${what}`, () => parse(output));
      const problem = shapeProblem(devicesAnswer, found);
      assert(problem === undefined, `parse of ${kind} on ${what} returns ${shown(found)}: ${problem}`);
      const other = found.find((device) => device.kind !== kind || !new RegExp(`^${kind}:\\d{1,4}$`).test(device.id));
      assert(other === undefined, `${kind} reports ${shown(other?.id)}, which is of another kind`);
    }
  }
};

export const deviceChecks = [
  {
    id: 'devices.kinds',
    title: 'its own device kinds have valid names that rbee does not use itself',
    needs: ['devices'],
    check: ({ type }) => {
      const kinds = (type.devices ?? []).map(({ kind }) => kind);
      for (const kind of kinds) {
        assert(new RegExp(kindPattern).test(kind), `a kind cannot be called ${shown(kind)}`);
        assert(!reservedKinds.includes(kind), `the kind ${kind} is reserved by rbee`);
      }
      assert(new Set(kinds).size === kinds.length, `a kind is defined twice: ${kinds.join(', ')}`);
    },
  },
  {
    id: 'devices.driven',
    title: 'each of its own device kinds is driven by one of its variants',
    needs: ['devices'],
    check: ({ type }) => {
      const driven = type.variants.flatMap(kindsOf);
      for (const { kind } of type.devices ?? []) assert(driven.includes(kind), `no variant drives ${kind}`);
    },
  },
  {
    id: 'devices.programs',
    title: 'its devices are listed by a program with a name or an absolute path, not by a shell',
    needs: ['devices'],
    check: ({ type }) => {
      for (const { kind, programs, args } of type.devices ?? []) {
        for (const program of programs) {
          assert(/^(\/|(?!.*\/))[^\s$;|&<>`'"]+$/.test(program), `the probe of ${kind} runs ${shown(program)}`);
          assert(!/(^|\/)(ba|da|z|fi|k)?sh$/.test(program), `the probe of ${kind} runs a shell`);
        }
        assert(
          args.every((arg) => typeof arg === 'string' && !arg.includes('\0')),
          `${kind} has invalid arguments`,
        );
      }
    },
  },
  {
    id: 'devices.empty',
    title: 'empty output means no devices',
    needs: ['devices'],
    check: ({ type }) => {
      const nothing = [0, 1, 127, null].map((code) => said('', code));
      parsed(type, 'no output', nothing);
      for (const { kind, parse } of type.devices ?? [])
        for (const output of nothing) assert(parse(output).length === 0, `${kind} finds a device in empty output`);
    },
  },
  {
    id: 'devices.garbage',
    title: 'whatever the output, every device is of the requested kind',
    needs: ['devices'],
    check: ({ type }) =>
      parsed(type, 'garbage', [
        said(malformedOutput),
        said(malformedOutput, 1),
        said(malformedOutput.slice(0, 50), null),
      ]),
  },
] as const satisfies readonly Check[];
