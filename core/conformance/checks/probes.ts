/** The probes of a host. */
import type { ResolvedType } from '../../contract/worker-type/resolved-type.ts';
import type { Probe } from '../../contract/worker-type/worker-type.ts';
import { assert, attempt, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { hugeOutput, malformedOutput } from '../fuzz-inputs.ts';
import { plainProblem } from '../plain.ts';

type Output = Parameters<Probe['parse']>[0];

/** Parses these outputs with every probe; what comes out must be plain data. */
const parsed = (type: ResolvedType, what: string, outputs: readonly Output[]): void => {
  for (const probe of type.probes ?? []) {
    for (const output of outputs) {
      const answer = attempt(`parse of probe ${probe.id} on ${what}`, () => probe.parse(output));
      const problem = plainProblem(answer, `the result of probe ${probe.id} on ${what}`);
      assert(problem === undefined, String(problem));
    }
  }
};

export const probeChecks = [
  {
    id: 'probes.ids',
    title: 'its probes have unique names and belong to existing variants',
    needs: ['probes'],
    check: ({ type }) => {
      const ids = (type.probes ?? []).map(({ id }) => id);
      assert(new Set(ids).size === ids.length, `two probes have the same name: ${ids.join(', ')}`);
      for (const { id, variants = [] } of type.probes ?? []) {
        assert(/^[\w-]+$/.test(id), `a probe cannot be called ${shown(id)}`);
        const unknown = variants.filter((name) => !type.variants.some((variant) => variant.id === name));
        assert(unknown.length === 0, `probe ${id} is for ${unknown.join(', ')}, which the type does not have`);
      }
    },
  },
  {
    id: 'probes.programs',
    title: 'its probes run programs by name, not through a shell, for a minute at most',
    needs: ['probes'],
    check: ({ type }) => {
      for (const { id, program, args, timeoutMs = 8_000 } of type.probes ?? []) {
        assert(/^(\$binary|[^\s$;|&<>`'"]+)$/.test(program), `probe ${id} runs ${shown(program)}`);
        assert(!/(^|\/)(ba|da|z|fi|k)?sh$/.test(program), `probe ${id} runs a shell`);
        assert(
          args.every((arg) => typeof arg === 'string' && !arg.includes('\0')),
          `probe ${id} has invalid arguments`,
        );
        assert(timeoutMs > 0 && timeoutMs <= 60_000, `probe ${id} may take ${timeoutMs} ms`);
      }
    },
  },
  {
    id: 'probes.empty',
    title: 'its parsers cope with empty output',
    needs: ['probes'],
    check: ({ type }) =>
      parsed(
        type,
        'no output',
        [0, 1, 127, null].map((code) => ({ stdout: '', stderr: '', code })),
      ),
  },
  {
    id: 'probes.garbage',
    title: 'its parsers cope with garbage',
    needs: ['probes'],
    check: ({ type }) =>
      parsed(type, 'garbage', [
        { stdout: malformedOutput, stderr: '', code: 0 },
        { stdout: '', stderr: malformedOutput, code: 1 },
        { stdout: malformedOutput.slice(0, 50), stderr: malformedOutput, code: null },
      ]),
  },
  {
    id: 'probes.huge',
    title: 'its parsers cope with megabytes',
    needs: ['probes'],
    check: ({ type }) =>
      parsed(type, 'megabytes', [
        { stdout: hugeOutput, stderr: '', code: 0 },
        { stdout: '', stderr: hugeOutput, code: 1 },
      ]),
  },
] as const satisfies readonly Check[];
