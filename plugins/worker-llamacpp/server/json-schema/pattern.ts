/** The regular subset of ECMA-262 regular expressions: no lookaround, no backreferences. */
import { type Automaton, determinize, type LooseAutomaton } from './automaton.ts';
import type { Budget } from './budget.ts';
import { anyChar, type CharSet, charsOf, complement, intersection, union } from './char-set.ts';

/** A part of the pattern that is not supported. */
export class PatternProblem extends Error {}

/** The texts that contain a match, which is what `pattern` means in JSON Schema. */
export const textsWith = (pattern: string, budget: Budget): Automaton => {
  const node = parse(pattern);
  const around: Node = { kind: 'repeat', node: { kind: 'set', set: anyChar }, min: 0, max: Number.POSITIVE_INFINITY };
  return determinize(build({ kind: 'sequence', nodes: [around, node, around] }, budget), budget);
};

type Node =
  | { kind: 'set'; set: CharSet }
  | { kind: 'start' | 'end' }
  | { kind: 'sequence' | 'choice'; nodes: Node[] }
  | Repeat;

interface Repeat {
  kind: 'repeat';
  node: Node;
  min: number;
  max: number;
}

const maxDepth = 100;
const longest = 2000;

const parse = (pattern: string): Node => {
  const chars = [...pattern];
  if (chars.length > longest) throw new PatternProblem(`more than ${longest} characters`);
  let at = 0;
  let depth = 0;
  const ahead = (text: string) => chars.slice(at, at + text.length).join('') === text;
  const take = (text: string) => {
    if (!ahead(text)) return false;
    at += text.length;
    return true;
  };

  const choice = (): Node => {
    depth += 1;
    if (depth > maxDepth) throw new PatternProblem('groups that are nested so deeply');
    const nodes = [sequence()];
    while (take('|')) nodes.push(sequence());
    depth -= 1;
    return nodes.length === 1 ? (nodes[0] as Node) : { kind: 'choice', nodes };
  };
  const sequence = (): Node => {
    const nodes: Node[] = [];
    while (at < chars.length && !ahead('|') && !ahead(')')) nodes.push(repeated(atom()));
    return { kind: 'sequence', nodes };
  };
  const repeated = (node: Node): Node => {
    const counts = quantifier();
    if (counts === undefined) return node;
    take('?');
    if (node.kind === 'start' || node.kind === 'end') throw new PatternProblem('a repeated ^ or $');
    return { kind: 'repeat', node, ...counts };
  };
  const quantifier = (): { min: number; max: number } | undefined => {
    if (take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (take('?')) return { min: 0, max: 1 };
    const braces = /^\{(\d+)(,(\d*))?\}/.exec(chars.slice(at, at + 24).join(''));
    if (braces === null) return undefined;
    at += braces[0].length;
    const min = Number(braces[1]);
    return {
      min,
      max: braces[2] === undefined ? min : braces[3] === '' ? Number.POSITIVE_INFINITY : Number(braces[3]),
    };
  };
  const atom = (): Node => {
    if (take('^')) return { kind: 'start' };
    if (take('$')) return { kind: 'end' };
    if (take('.')) return { kind: 'set', set: complement(charsOf('\n\r\u2028\u2029')) };
    if (ahead('(')) return group();
    if (take('[')) return { kind: 'set', set: charClass() };
    if (take('\\')) return { kind: 'set', set: escaped(false) };
    const char = chars[at] as string;
    at += 1;
    return { kind: 'set', set: charsOf(char) };
  };
  const group = (): Node => {
    for (const [start, what] of lookarounds) if (ahead(start)) throw new PatternProblem(what);
    const named = /^\(\?<[\p{L}_$][\p{L}\p{N}_$]*>/u.exec(chars.slice(at, at + 100).join(''));
    if (named !== null) at += [...named[0]].length;
    else if (!take('(?:')) {
      if (ahead('(?')) throw new PatternProblem('flags in a group');
      take('(');
    }
    const node = choice();
    if (!take(')')) throw new PatternProblem('a group without an end');
    return node;
  };
  const charClass = (): CharSet => {
    const negated = take('^');
    const sets: CharSet[] = [];
    while (!take(']')) {
      if (at >= chars.length) throw new PatternProblem('a class without an end');
      const from = classAtom();
      if (!ahead('-') || chars[at + 1] === ']' || at + 1 >= chars.length) {
        sets.push(from);
        continue;
      }
      at += 1;
      const to = classAtom();
      const [low, high] = [single(from), single(to)];
      // A class such as \d cannot be an end of a range: then all three are literal.
      sets.push(...(low === undefined || high === undefined ? [from, charsOf('-'), to] : [[[low, high] as const]]));
    }
    const set = union(sets.flat());
    return negated ? complement(set) : set;
  };
  const classAtom = (): CharSet => {
    if (take('\\')) return escaped(true);
    const char = chars[at];
    at += 1;
    return char === undefined ? [] : charsOf(char);
  };
  const escaped = (inClass: boolean): CharSet => {
    const char = chars[at];
    at += 1;
    if (char === undefined) throw new PatternProblem('a \\ at its end');
    const known = classes[char];
    if (known !== undefined) return known;
    if (inClass && char === 'b') return charsOf('\b');
    if (char === 'b' || char === 'B') throw new PatternProblem(`\\${char}`);
    if (/[1-9]/.test(char) || char === 'k') throw new PatternProblem('a reference to a group');
    if (char === 'p' || char === 'P') throw new PatternProblem(`\\${char}`);
    const control = controls[char];
    if (control !== undefined) return charsOf(control);
    if (char === 'x') return hex(2);
    if (char === 'u') return ahead('{') ? braced() : unicode();
    if (char === 'c') {
      const letter = chars[at] ?? '';
      at += 1;
      return charsOf(String.fromCharCode(letter.charCodeAt(0) % 32));
    }
    return charsOf(char);
  };
  const hex = (digits: number): CharSet => {
    const text = chars.slice(at, at + digits).join('');
    if (!/^[0-9a-f]+$/i.test(text) || text.length !== digits)
      throw new PatternProblem('an escape that is not complete');
    at += digits;
    return [[Number.parseInt(text, 16), Number.parseInt(text, 16)]];
  };
  const unicode = (): CharSet => {
    const first = hex(4);
    const high = first[0]?.[0] ?? 0;
    if (high < 0xd800 || high > 0xdbff || !take('\\u')) return first;
    const low = hex(4)[0]?.[0] ?? 0;
    const code = 0x10000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
    return [[code, code]];
  };
  const braced = (): CharSet => {
    const text = /^\{([0-9a-f]{1,6})\}/i.exec(chars.slice(at, at + 8).join(''));
    if (text === null) throw new PatternProblem('an escape that is not complete');
    at += text[0].length;
    const code = Number.parseInt(text[1] as string, 16);
    return [[code, code]];
  };

  const node = choice();
  if (at < chars.length) throw new PatternProblem('a ) without its group');
  return node;
};

const lookarounds: readonly (readonly [string, string])[] = [
  ['(?=', 'a lookahead'],
  ['(?!', 'a lookahead'],
  ['(?<=', 'a lookbehind'],
  ['(?<!', 'a lookbehind'],
];

const digit: CharSet = [[48, 57]];
const word = charsOf('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz');
const space = union([...charsOf('\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff'), [0x2000, 0x200a]]);
const classes: Readonly<Record<string, CharSet>> = {
  d: digit,
  D: complement(digit),
  w: word,
  W: complement(word),
  s: space,
  S: complement(space),
};
const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', v: '\v', f: '\f', 0: '\0' };

const single = (set: CharSet): number | undefined => {
  const [only] = set;
  return set.length === 1 && only !== undefined && only[0] === only[1] ? only[0] : undefined;
};

const build = (whole: Node, budget: Budget): LooseAutomaton => {
  const made: LooseAutomaton = { start: 0, accept: 0, empty: [], atStart: [], atEnd: [], edges: [] };
  const state = () => {
    budget.spend(10);
    made.empty.push([]);
    made.atStart.push([]);
    made.atEnd.push([]);
    return made.edges.push([]) - 1;
  };
  /** Adds the node after a state. Returns the state where it ends. */
  const add = (node: Node, from: number): number => {
    if (node.kind === 'sequence') return node.nodes.reduce((at, part) => add(part, at), from);
    const to = state();
    if (node.kind === 'set') made.edges[from]?.push({ set: intersection(node.set, anyChar), to });
    else if (node.kind === 'start') made.atStart[from]?.push(to);
    else if (node.kind === 'end') made.atEnd[from]?.push(to);
    else if (node.kind === 'choice') for (const part of node.nodes) made.empty[add(part, from)]?.push(to);
    else repeat(node as Repeat, from, to);
    return to;
  };
  const repeat = ({ node, min, max }: Repeat, from: number, to: number) => {
    let at = from;
    for (let count = 0; count < min; count += 1) {
      budget.spend(1);
      at = add(node, at);
    }
    if (max === Number.POSITIVE_INFINITY) {
      const loop = state();
      made.empty[at]?.push(loop);
      made.empty[add(node, loop)]?.push(loop);
      made.empty[loop]?.push(to);
      return;
    }
    for (let count = min; count < max; count += 1) {
      made.empty[at]?.push(to);
      // Each repetition needs its own state, so that it cannot be entered from the middle of another.
      const round = state();
      made.empty[at]?.push(round);
      at = add(node, round);
    }
    made.empty[at]?.push(to);
  };
  made.start = state();
  made.accept = add(whole, made.start);
  return made;
};
