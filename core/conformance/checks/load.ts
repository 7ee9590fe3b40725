/** Where the engine reports its load. */
import { readMetric } from '../../hive/workers/load.ts';
import { assert, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import type { PluginUnderTest } from '../plugin-under-test.ts';

const namesOf = ({ type: { load } }: PluginUnderTest): string[] =>
  [load?.running, load?.waiting, load?.kvCacheUse].filter((name) => name !== undefined);

export const loadChecks = [
  {
    id: 'load.path',
    title: 'the path of its metrics is absolute',
    needs: ['load'],
    check: ({ type }) => assert(/^\/\S*$/.test(type.load?.path ?? ''), `load.path is ${shown(type.load?.path)}`),
  },
  {
    id: 'load.names',
    title: 'its metrics have valid, unique names',
    needs: ['load'],
    check: (plugin) => {
      const names = namesOf(plugin);
      for (const name of names)
        assert(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name), `${shown(name)} is not a valid metric name`);
      assert(new Set(names).size === names.length, `a metric is named twice: ${names.join(', ')}`);
    },
  },
  {
    id: 'load.read',
    title: 'a hive reads its metrics, with labels and without',
    needs: ['load'],
    check: (plugin) => {
      for (const name of namesOf(plugin)) {
        const text = `# HELP ${name} x\n# TYPE ${name} gauge\n${name}{model="a b",slot="1"} 2\n${name}{model="c"} 1\n`;
        assert(readMetric(text, name) === 3, `${name} reads ${readMetric(text, name)} instead of 3`);
        assert(readMetric(`${name} 0\n`, name) === 0, `${name} does not read as 0`);
      }
    },
  },
] as const satisfies readonly Check[];
