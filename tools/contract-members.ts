/** Reads the members of the contract and their doc comments from its source. */

export interface Member {
  /** As it is written: `fits(host: HostFacts): Fit`. */
  declaration: string;
  name: string;
  optional: boolean;
  text: string;
}

export interface Declared {
  name: string;
  text: string;
  /** Of an interface; a type alias has none. */
  members: Member[];
  /** The right side of a type alias. */
  alias?: string;
}

/** Every exported interface and type of the file, in source order. */
export const declarationsOf = (source: string): Declared[] => {
  const exported = /((?:^\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?)^export (interface|type) (\w+)/gm;
  return [...source.matchAll(exported)].map((match) => {
    const [head, comment = '', kind, name = ''] = match;
    const rest = source.slice(match.index + head.length);
    const text = commentText(comment);
    if (kind === 'interface') {
      const body = rest.slice(rest.indexOf('{\n') + 2, rest.search(/^\}/m));
      return { name, text, members: membersOf(body) };
    }
    return { name, text, members: [], alias: aliasOf(rest) };
  });
};

const commentText = (comment: string): string =>
  comment
    .replace(/^\s*\/\*\*|\*\/\s*$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();

/** A member is indented by two spaces; its further lines are indented more, or close it. */
const membersOf = (body: string): Member[] => {
  const members: Member[] = [];
  const pattern = /((?:^ {2}\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?)^ {2}(\w+)(\??)((?:.*\n(?: {3,}.*\n| {2}[})>].*\n)*))/gm;
  for (const [, comment = '', name = '', mark, rest = ''] of body.matchAll(pattern)) {
    const declaration = `${name}${mark}${rest}`.replace(/\/\*\*[\s\S]*?\*\//g, '').replace(/\s+/g, ' ');
    members.push({
      name,
      optional: mark === '?',
      declaration: declaration.trim().replace(/;$/, ''),
      text: commentText(comment),
    });
  }
  return members;
};

/** Up to the semicolon before an empty line. */
const aliasOf = (rest: string): string => {
  const end = rest.search(/;\n(?:\n|$)/);
  const text = rest.slice(rest.indexOf('=') + 1, end === -1 ? undefined : end);
  return text.trim().replace(/^ {2}/gm, '');
};
