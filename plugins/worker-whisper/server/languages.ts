/** Maps languages between clients, Whisper and OpenAI's answers. */

/** Codes that Whisper knows, `en` first. */
export const languageCodes: readonly string[] = (
  'en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk ' +
  'te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ' +
  'ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue'
).split(' ');

const names = new Intl.DisplayNames(['en'], { type: 'language' });
/** Whisper's non-standard codes and names. */
const ownNames: Readonly<Record<string, string>> = { jw: 'javanese', my: 'myanmar', he: 'hebrew', tl: 'tagalog' };

/** The English name in lower case: `german`. */
export const languageName = (code: string): string => ownNames[code] ?? (names.of(code) ?? code).toLowerCase();

const byName = new Map([
  ...languageCodes.map((code) => [languageName(code), code] as const),
  ['burmese', 'my'],
  ['mandarin', 'zh'],
  ['castilian', 'es'],
  ['flemish', 'nl'],
  ['farsi', 'fa'],
  ['filipino', 'tl'],
]);

/** `DE`, `de-AT` and `German` all give `de`; undefined if Whisper does not know the language. */
export const languageCode = (written: string): string | undefined => {
  const text = written.trim().toLowerCase().replaceAll('_', '-');
  const short = text.split('-')[0] ?? '';
  return languageCodes.includes(short) ? short : byName.get(text);
};
