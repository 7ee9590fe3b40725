/** The part of ComfyUI's command line that the stand-in knows, with argparse's error messages. */

export interface StandInArguments {
  host: string;
  port: number;
  cpu: boolean;
  modelPaths: string | undefined;
}

const withValue = [
  '--listen',
  '--port',
  '--extra-model-paths-config',
  '--output-directory',
  '--reserve-vram',
  '--preview-method',
  '--fail',
];
const switches = [
  '--disable-auto-launch',
  '--cpu',
  '--gpu-only',
  '--highvram',
  '--normalvram',
  '--lowvram',
  '--novram',
  '--disable-all-custom-nodes',
];

export class Refused extends Error {}

export const readStandInArguments = (argv: readonly string[]): StandInArguments & { fail: string | undefined } => {
  const given = new Map<string, string>();
  const unknown: string[] = [];
  const rest = argv.flatMap((word) => {
    const at = word.startsWith('--') ? word.indexOf('=') : -1;
    return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)];
  });
  while (rest.length > 0) {
    const word = rest.shift() as string;
    if (withValue.includes(word)) {
      const value = rest.shift();
      if (value === undefined) throw new Refused(`argument ${word}: expected one argument`);
      given.set(word, value);
    } else if (switches.includes(word)) given.set(word, '');
    else unknown.push(word);
  }
  if (unknown.length > 0) throw new Refused(`unrecognized arguments: ${unknown.join(' ')}`);
  return {
    host: given.get('--listen') ?? '127.0.0.1',
    port: Number(given.get('--port') ?? 8188),
    cpu: given.has('--cpu'),
    modelPaths: given.get('--extra-model-paths-config'),
    fail: given.get('--fail'),
  };
};
