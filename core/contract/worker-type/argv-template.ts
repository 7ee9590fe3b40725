/** A command line as data: a list of arguments with placeholders. No shell sees it; each entry is one argument. */
import type { Command, Launch, WorkerType } from './worker-type.ts';

export type CommandTemplate = Exclude<WorkerType['command'], (launch: Launch) => Command>;

/**
 * Fills in the placeholders. A variable that consists of one option alone is omitted if the option has no value; any
 * other placeholder without a value throws.
 */
export const fillCommand = (template: CommandTemplate, launch: Launch): Command => {
  const { args, env, cwd } = partsOf(template);
  const fill = (text: string): string => text.replace(placeholder, (_, name: string) => textOf(name, launch));
  const variables = Object.entries(env ?? {}).filter(([, text]) => {
    const option = wholeOption(text);
    return option === undefined || (launch.options[option] ?? null) !== null;
  });
  return {
    args: [...args.map(fill), ...launch.deviceFlags.args],
    ...(env && { env: Object.fromEntries(variables.map(([name, text]) => [name, fill(text)])) }),
    ...(cwd !== undefined && { cwd: fill(cwd) }),
  };
};

/** Why this template can never be filled in for workers of this type; undefined if it can. */
export const templateProblem = (
  template: CommandTemplate,
  type: Pick<WorkerType, 'models' | 'options'>,
): string | undefined => {
  const { args, env = {}, cwd = '' } = partsOf(template);
  const inArgs = namesIn([...args, cwd]);
  if (inArgs.includes('apiKey'))
    return 'command has {apiKey} in its arguments, which every local user can read: put it into env';
  const texts = Object.values(env);
  const inEnv = namesIn(texts.filter((text) => wholeOption(text) === undefined));
  const alone = texts.flatMap((text) => wholeOption(text) ?? []);
  return [
    ...[...inArgs, ...inEnv].map((name) => placeholderProblem(name, type)),
    ...alone.map((option) => optionProblem(`option.${option}`, type.options?.properties[option], { mayLack: true })),
  ].find((problem) => problem !== undefined);
};

const placeholder = /\{([A-Za-z][\w-]*(?:\.[\w.-]+)?)\}/g;

/** The option's name if the text is `{option.NAME}` and nothing else. */
const wholeOption = (text: string): string | undefined => /^\{option\.([\w.-]+)\}$/.exec(text)?.[1];

const isList = (template: CommandTemplate): template is readonly string[] => Array.isArray(template);

const partsOf = (template: CommandTemplate): Command => (isList(template) ? { args: template } : template);

const namesIn = (texts: readonly string[]): string[] =>
  texts.flatMap((text) => [...text.matchAll(placeholder)].map(([, name = '']) => name));

/** The placeholders without a dot. */
const plain: Readonly<Record<string, (launch: Launch) => string | undefined>> = {
  port: ({ port }) => String(port),
  host: ({ host }) => host,
  model: ({ models }) => models['main'],
  name: ({ names }) => names[0],
  names: ({ names }) => names.join(','),
  device: ({ device: { kind, indices } }) => (indices.length === 0 ? kind : `${kind}:${indices.join(',')}`),
  indices: ({ device }) => device.indices.join(','),
  variant: ({ variant }) => variant,
  id: ({ id }) => id,
  program: ({ binary }) => binary.path,
  apiKey: ({ apiKey }) => apiKey,
};

const known = [...Object.keys(plain), 'model.COMPONENT', 'option.NAME'].map((name) => `{${name}}`).join(', ');

const textOf = (name: string, launch: Launch): string => {
  const value = lookUp(name, launch);
  if (value === undefined || value === null)
    throw new Error(`command has {${name}}, which has no value for this worker`);
  return String(value);
};

const lookUp = (name: string, launch: Launch): unknown => {
  if (Object.hasOwn(plain, name)) return plain[name]?.(launch);
  const [owner, part] = dotted(name);
  const values: Readonly<Record<string, unknown>> | undefined =
    owner === 'model' ? launch.models : owner === 'option' ? launch.options : undefined;
  if (!values) throw new Error(unknownPlaceholder(name));
  return Object.hasOwn(values, part) ? values[part] : undefined;
};

const placeholderProblem = (
  name: string,
  { models, options }: Pick<WorkerType, 'models' | 'options'>,
): string | undefined => {
  const [owner, part] = dotted(name);
  if (name === 'model' || owner === 'model') return modelProblem(name, part, models);
  if (owner === 'option') return optionProblem(name, options?.properties[part]);
  return Object.hasOwn(plain, name) ? undefined : unknownPlaceholder(name);
};

const modelProblem = (name: string, part: string, models: WorkerType['models']): string | undefined => {
  if (name !== 'model' && !Object.hasOwn(models?.components ?? {}, part))
    return `command has {${name}}, but models.components has no ${part}`;
  const required = name === 'model' ? models && !models.optional : models?.components?.[part]?.required;
  return required ? undefined : `command has {${name}}, which not every worker has: write command as a function`;
};

const optionProblem = (
  name: string,
  option: NonNullable<WorkerType['options']>['properties'][string] | undefined,
  { mayLack = false } = {},
): string | undefined => {
  if (option === undefined) return `command has {${name}}, but the type has no such option`;
  if (option.type === 'array') return `command has {${name}}, which is a list: write command as a function`;
  return option.default === undefined && !mayLack
    ? `command has {${name}}, which has no default: write command as a function`
    : undefined;
};

const unknownPlaceholder = (name: string): string =>
  `command has the unknown placeholder {${name}}; known ones: ${known}`;

const dotted = (name: string): [owner: string, part: string] => {
  const at = name.indexOf('.');
  return at === -1 ? ['', ''] : [name.slice(0, at), name.slice(at + 1)];
};
