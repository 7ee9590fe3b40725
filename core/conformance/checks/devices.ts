/** The kinds of device that the type brings. */
import { kindPattern, reservedKinds } from '../../contract/device.ts';
import type { ResolvedType } from '../../contract/resolved-type.ts';
import type { ProgramOutput } from '../../contract/worker-type.ts';
import { devicesAnswer, shapeProblem } from '../../worker-types/description.ts';
import type { Check } from '../check.ts';
import { garbage } from '../garbage.ts';
import { attempt, must, shown } from '../must.ts';
import { kindsOf } from '../samples.ts';

const said = (stdout: string, code: number | null = 0): ProgramOutput => ({ stdout, stderr: '', code });

const parsed = (type: ResolvedType, what: string, outputs: readonly ProgramOutput[]): void => {
  for (const { kind, parse } of type.devices ?? []) {
    for (const output of outputs) {
      const found = attempt(`parse of ${kind} on ${what}`, () => parse(output));
      const problem = shapeProblem(devicesAnswer, found);
      must(problem === undefined, `what ${kind} makes of ${what} is ${shown(found)}: ${problem}`);
      const other = found.find((device) => device.kind !== kind || !new RegExp(`^${kind}:\\d{1,4}$`).test(device.id));
      must(other === undefined, `${kind} tells of ${shown(other?.id)}, which is not its own`);
    }
  }
};

export const deviceChecks = [
  {
    id: 'devices.kinds',
    title: 'the kinds of device that it brings have plain names, which are not those of rbee',
    needs: ['devices'],
    check: ({ type }) => {
      const kinds = (type.devices ?? []).map(({ kind }) => kind);
      for (const kind of kinds) {
        must(new RegExp(kindPattern).test(kind), `a kind cannot be called ${shown(kind)}`);
        must(!reservedKinds.includes(kind), `the kind ${kind} belongs to rbee itself`);
      }
      must(new Set(kinds).size === kinds.length, `a kind is named twice: ${kinds.join(', ')}`);
    },
  },
  {
    id: 'devices.driven',
    title: 'each kind that it brings is driven by one of its variants',
    needs: ['devices'],
    check: ({ type }) => {
      const driven = type.variants.flatMap(kindsOf);
      for (const { kind } of type.devices ?? []) must(driven.includes(kind), `no variant drives ${kind}`);
    },
  },
  {
    id: 'devices.programs',
    title: 'what tells of its devices is a program by name or absolute path, not a shell',
    needs: ['devices'],
    check: ({ type }) => {
      for (const { kind, programs, args } of type.devices ?? []) {
        for (const program of programs) {
          must(/^(\/|(?!.*\/))[^\s$;|&<>`'"]+$/.test(program), `the probe of ${kind} runs ${shown(program)}`);
          must(!/(^|\/)(ba|da|z|fi|k)?sh$/.test(program), `the probe of ${kind} runs a shell`);
        }
        must(
          args.every((arg) => typeof arg === 'string' && !arg.includes('\0')),
          `${kind} has odd arguments`,
        );
      }
    },
  },
  {
    id: 'devices.empty',
    title: 'a program that says nothing tells of no device',
    needs: ['devices'],
    check: ({ type }) => {
      const nothing = [0, 1, 127, null].map((code) => said('', code));
      parsed(type, 'no output', nothing);
      for (const { kind, parse } of type.devices ?? [])
        for (const output of nothing) must(parse(output).length === 0, `${kind} makes a device of no output`);
    },
  },
  {
    id: 'devices.garbage',
    title: 'whatever a program says, every device is of the kind that was asked for',
    needs: ['devices'],
    check: ({ type }) => parsed(type, 'garbage', [said(garbage), said(garbage, 1), said(garbage.slice(0, 50), null)]),
  },
] as const satisfies readonly Check[];
