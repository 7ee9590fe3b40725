/**
 * Sets of texts as deterministic automata. They make it possible to combine a pattern, a format and a length, and the grammar
 * of a deterministic automaton is never ambiguous.
 */
import type { Budget } from './budget.ts';
import { anyChar, type CharSet, codePoint, complement, has, intersection, union } from './char-set.ts';

export interface Automaton {
  start: number;
  /** The edges of a state never overlap, and every state leads to an accepted text. */
  states: readonly State[];
}

export interface State {
  accept: boolean;
  edges: readonly Edge[];
}

export interface Edge {
  set: CharSet;
  to: number;
}

/** A nondeterministic automaton. `^` and `$` are edges that can be taken only at the start or end of the text. */
export interface LooseAutomaton {
  start: number;
  accept: number;
  empty: number[][];
  atStart: number[][];
  atEnd: number[][];
  edges: Edge[][];
}

export const anyText: Automaton = { start: 0, states: [{ accept: true, edges: [{ set: anyChar, to: 0 }] }] };

export const isEmpty = ({ start, states }: Automaton): boolean => states[start] === undefined;

export const accepts = ({ start, states }: Automaton, text: string): boolean => {
  let state = states[start];
  for (const char of text) {
    const edge: Edge | undefined = state?.edges.find(({ set }) => has(set, codePoint(char)));
    if (edge === undefined) return false;
    state = states[edge.to];
  }
  return state?.accept ?? false;
};

export const determinize = (loose: LooseAutomaton, budget: Budget): Automaton => {
  const close = (from: readonly number[], ...kinds: number[][][]): number[] => {
    const seen = new Set(from);
    for (const state of seen) {
      budget.spend(1);
      for (const kind of kinds) for (const next of kind[state] ?? []) seen.add(next);
    }
    return [...seen].sort((a, b) => a - b);
  };
  const { empty, atStart, atEnd } = loose;
  return fromPlaces<readonly number[]>(
    close([loose.start], empty, atStart),
    (members) => members.join(),
    (members, first) => {
      const ended = first ? close(members, empty, atStart, atEnd) : close(members, empty, atEnd);
      const edges = members.flatMap((member) => loose.edges[member] ?? []);
      budget.spend(members.length * 4 + edges.length * edges.length);
      return {
        accept: ended.includes(loose.accept),
        edges: splitEdges(edges).map(({ set, targets }) => ({ set, to: close(targets, empty) })),
      };
    },
    budget,
  );
};

/** The texts that both accept. */
export const intersect = (one: Automaton, two: Automaton, budget: Budget): Automaton =>
  fromPlaces<readonly [number, number]>(
    [one.start, two.start],
    (pair) => pair.join(),
    ([a, b]) => {
      const [left, right] = [one.states[a], two.states[b]];
      if (left === undefined || right === undefined) return { accept: false, edges: [] };
      budget.spend(left.edges.length * right.edges.length);
      const edges = left.edges.flatMap((edge) =>
        right.edges.map((other) => ({ set: intersection(edge.set, other.set), to: [edge.to, other.to] as const })),
      );
      return { accept: left.accept && right.accept, edges: edges.filter(({ set }) => set.length > 0) };
    },
    budget,
  );

/** The texts that have at least `min` and at most `max` characters. */
export const withLength = (texts: Automaton, min: number, max: number, budget: Budget): Automaton => {
  if (min === 0 && max === Number.POSITIVE_INFINITY) return texts;
  return fromPlaces<readonly [number, number]>(
    [texts.start, 0],
    (pair) => pair.join(),
    ([at, length]) => {
      const state = texts.states[at];
      // Without a maximum, the length stops mattering once the minimum is reached.
      const next = max === Number.POSITIVE_INFINITY ? Math.min(length + 1, min) : length + 1;
      const edges = state === undefined || next > max ? [] : state.edges;
      return {
        accept: (state?.accept ?? false) && length >= min,
        edges: edges.map(({ set, to }) => ({ set, to: [to, next] as const })),
      };
    },
    budget,
  );
};

/** Exactly these texts. */
export const oneOfTexts = (texts: readonly string[], budget: Budget): Automaton => trim(trie(texts, budget), budget);

/** All texts except these. */
export const otherTexts = (texts: readonly string[], budget: Budget): Automaton => {
  const { start, states } = trie(texts, budget);
  const free = states.length;
  const others = states.map(({ accept, edges }) => ({
    accept: !accept,
    edges: [...edges, { set: complement(union(edges.flatMap(({ set }) => set))), to: free }],
  }));
  return { start, states: [...others, { accept: true, edges: [{ set: anyChar, to: free }] }] };
};

/** Multiples of `divisor` as decimal digits, with or without a minus. */
export const multiplesOf = (divisor: number, budget: Budget): Automaton => {
  budget.spend(divisor * 10);
  const digits = (rest: number) =>
    Array.from(
      { length: 10 },
      (_, digit): Edge => ({ set: [[48 + digit, 48 + digit]], to: (rest * 10 + digit) % divisor }),
    );
  const states = Array.from({ length: divisor }, (_, rest): State => ({ accept: rest === 0, edges: digits(rest) }));
  const start: State = { accept: false, edges: [{ set: [[45, 45]], to: 0 }, ...digits(0)] };
  return { start: divisor, states: [...states, start] };
};

const trie = (
  texts: readonly string[],
  budget: Budget,
): { start: number; states: { accept: boolean; edges: Edge[] }[] } => {
  const nodes: { accept: boolean; next: Map<number, number> }[] = [{ accept: false, next: new Map() }];
  for (const text of texts) {
    let at = 0;
    for (const char of text) {
      budget.spend(1);
      const { next } = nodes[at] as (typeof nodes)[number];
      const code = codePoint(char);
      let to = next.get(code);
      if (to === undefined) {
        to = nodes.push({ accept: false, next: new Map() }) - 1;
        next.set(code, to);
      }
      at = to;
    }
    (nodes[at] as (typeof nodes)[number]).accept = true;
  }
  const edges = (next: Map<number, number>) => [...next].map(([code, to]): Edge => ({ set: [[code, code]], to }));
  return { start: 0, states: nodes.map(({ accept, next }) => ({ accept, edges: edges(next) })) };
};

export interface Found<Place> {
  accept: boolean;
  edges: { set: CharSet; to: Place }[];
}

/** Numbers the states that are reachable from the first, and drops those that lead to no accepted text. */
export const fromPlaces = <Place>(
  first: Place,
  keyOf: (place: Place) => string,
  look: (place: Place, first: boolean) => Found<Place>,
  budget: Budget,
): Automaton => {
  const firstKey = keyOf(first);
  const numbers = new Map([[firstKey, 0]]);
  const places = [first];
  const states: State[] = [];
  for (const place of places) {
    budget.spend(4);
    const { accept, edges } = look(place, states.length === 0);
    const numbered = new Map<number, CharSet>();
    for (const { set, to } of edges) {
      budget.spend(1);
      // Only the first state may take edges for the start of a text, so no edge leads back to it.
      const key = keyOf(to) === firstKey ? `again ${firstKey}` : keyOf(to);
      let number = numbers.get(key);
      if (number === undefined) {
        number = places.push(to) - 1;
        numbers.set(key, number);
      }
      numbered.set(number, union([...(numbered.get(number) ?? []), ...set]));
    }
    states.push({ accept, edges: [...numbered].map(([to, set]) => ({ set, to })) });
  }
  return trim({ start: 0, states }, budget);
};

const trim = ({ start, states }: Automaton, budget: Budget): Automaton => {
  const before = states.map((): number[] => []);
  states.forEach(({ edges }, from) => {
    budget.spend(1 + edges.length);
    for (const { to } of edges) before[to]?.push(from);
  });
  const useful = new Set(states.flatMap(({ accept }, at) => (accept ? [at] : [])));
  for (const state of useful) for (const from of before[state] ?? []) useful.add(from);
  if (!useful.has(start)) return { start: 0, states: [] };
  const kept = [...useful].sort((a, b) => a - b);
  const numbers = new Map(kept.map((state, number) => [state, number]));
  return {
    start: numbers.get(start) ?? 0,
    states: kept.map((at) => {
      const { accept, edges } = states[at] as State;
      const left = edges.flatMap(({ set, to }) => {
        const number = numbers.get(to);
        return number === undefined ? [] : [{ set, to: number }];
      });
      return { accept, edges: left };
    }),
  };
};

/** Splits overlapping edges into disjoint ones, each with all targets of the edges that cover it. */
const splitEdges = (edges: readonly Edge[]): { set: CharSet; targets: number[] }[] => {
  const cuts = [...new Set(edges.flatMap(({ set }) => set.flatMap(([from, to]) => [from, to + 1])))].sort(
    (a, b) => a - b,
  );
  const byTargets = new Map<string, { ranges: [number, number][]; targets: number[] }>();
  cuts.slice(0, -1).forEach((from, index) => {
    const targets = [...new Set(edges.filter(({ set }) => has(set, from)).map(({ to }) => to))].sort((a, b) => a - b);
    if (targets.length === 0) return;
    const piece = byTargets.get(targets.join()) ?? { ranges: [], targets };
    byTargets.set(targets.join(), piece);
    piece.ranges.push([from, (cuts[index + 1] as number) - 1]);
  });
  return [...byTargets.values()].map(({ ranges, targets }) => ({ set: union(ranges), targets }));
};
