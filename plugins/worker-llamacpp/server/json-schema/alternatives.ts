/** Resolves `$ref`, `allOf`, `anyOf` and so on into alternatives: plain sets of constraints, of which a value must meet one. */
import { type Budget, SchemaProblem, tooLarge } from './budget.ts';
import { anything, type Facts, merge, type Place, type Together, typeOf } from './facts.ts';
import { ownFacts, unsupported, wrong } from './keywords.ts';

export type Alternatives = (together: Together) => readonly Facts[];

const maxAlternatives = 100;
const maxDepth = 50;

export const createAlternatives = (root: unknown, budget: Budget): Alternatives => {
  const known = new Map<string, readonly Facts[]>();
  const resolve = createResolve(root, budget);

  const of = (together: Together, above: readonly string[]): readonly Facts[] => {
    const key = keyOf(together);
    const made = known.get(key) ?? make(together, above);
    known.set(key, made);
    return made;
  };

  const make = (together: Together, above: readonly string[]): readonly Facts[] => {
    if (above.length > maxDepth) throw tooLarge(above.at(-1) ?? '#');
    let all: readonly Facts[] = [anything];
    const places = new Map(together.map((place) => [place.path, place]));
    for (const { schema, path } of places.values()) {
      budget.path = path;
      budget.spend(50);
      if (schema === true) continue;
      if (schema === false) return [];
      if (typeOf(schema) !== 'object') throw wrong(path, 'must be a schema: an object, true or false');
      // A schema that applies itself to the same value would never end.
      if (above.includes(path)) throw unsupported(`${path}/$ref`, 'the schema refers to itself for the same value');
      const keywords = schema as Readonly<Record<string, unknown>>;
      all = combine(all, [ownFacts(keywords, path)]);
      if (keywords['$ref'] !== undefined) {
        const target = resolve(keywords['$ref'], `${path}/$ref`);
        places.set(target.path, target);
      }
      for (const part of partsOf(keywords, path, 'allOf')) places.set(part.path, part);
      const below = [...above, path];
      if (keywords['anyOf'] !== undefined) {
        all = combine(
          all,
          partsOf(keywords, path, 'anyOf').flatMap((part) => of([part], below)),
        );
      }
      if (keywords['oneOf'] !== undefined) {
        const parts = partsOf(keywords, path, 'oneOf').map((part) => of([part], below));
        all = combine(all, onlyOne(parts, `${path}/oneOf`));
      }
      if (keywords['not'] !== undefined) {
        const never = of([{ schema: keywords['not'], path: `${path}/not` }], below);
        all = combine(all, [
          { ...anything, never: never.map((facts) => ({ facts, keyword: 'not', path: `${path}/not` })) },
        ]);
      }
    }
    return all;
  };

  const combine = (all: readonly Facts[], more: readonly Facts[]): readonly Facts[] => {
    budget.spend(all.length * more.length * 20);
    const combined = all.flatMap((one) =>
      more.map((other) => {
        budget.spend(one.properties.size + other.properties.size);
        return merge(one, other);
      }),
    );
    if (combined.length > maxAlternatives) throw tooLarge(budget.path);
    return combined;
  };

  return (together) => of(together, []);
};

/** Names a set of schemas. */
export const keyOf = (together: Together): string => [...new Set(together.map(({ path }) => path))].sort().join('\n');

const partsOf = (schema: Readonly<Record<string, unknown>>, path: string, keyword: string): Place[] => {
  const parts = schema[keyword];
  if (parts === undefined) return [];
  if (!Array.isArray(parts) || parts.length === 0) throw wrong(`${path}/${keyword}`, 'must be an array of schemas');
  return parts.map((part, index) => ({ schema: part, path: `${path}/${keyword}/${index}` }));
};

/** Each part, with the others as schemas that its values must not satisfy. */
const onlyOne = (parts: readonly (readonly Facts[])[], path: string): readonly Facts[] =>
  parts.flatMap((part, index) => {
    const others = parts.filter((_, other) => other !== index).flat();
    const never = others.map((facts) => ({ facts, keyword: 'oneOf', path }));
    return part.map((facts) => ({ ...facts, never: [...facts.never, ...never] }));
  });

/** Follows references within the schema. */
const createResolve = (root: unknown, budget: Budget) => {
  const id = typeOf(root) === 'object' ? (root as Record<string, unknown>)['$id'] : undefined;
  let anchors: ReadonlyMap<string, Place> | undefined;
  return (ref: unknown, path: string): Place => {
    if (typeof ref !== 'string') throw wrong(path, 'must be a string');
    const own = typeof id === 'string' && ref.startsWith(id) ? ref.slice(id.length) || '#' : ref;
    if (!own.startsWith('#')) throw unsupported(path, `${JSON.stringify(ref)} is outside the schema`);
    const found = own === '#' || own.startsWith('#/') ? followPointer(root, own, budget) : undefined;
    if (found !== undefined) return found;
    anchors ??= findAnchors(root);
    const anchored = anchors.get(own.slice(1));
    if (anchored === undefined) {
      throw new SchemaProblem('invalid', path, `"$ref" names ${JSON.stringify(ref)}, which is not in the schema`);
    }
    return anchored;
  };
};

const followPointer = (root: unknown, ref: string, budget: Budget): Place | undefined => {
  let at = root;
  let path = '#';
  for (const step of ref.split('/').slice(1)) {
    budget.spend(1);
    const name = decode(step).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
    path += `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  }
  return { schema: at, path };
};

const decode = (text: string) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const findAnchors = (root: unknown): ReadonlyMap<string, Place> => {
  const anchors = new Map<string, Place>();
  const open: Place[] = [{ schema: root, path: '#' }];
  for (const { schema, path } of open) {
    if (typeof schema !== 'object' || schema === null) continue;
    for (const [name, value] of Object.entries(schema)) {
      if (name.endsWith('nchor') && typeof value === 'string') anchors.set(value, { schema, path });
      else open.push({ schema: value, path: `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` });
    }
  }
  return anchors;
};
