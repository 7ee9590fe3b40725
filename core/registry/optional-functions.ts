/** The functions that a worker type may have or leave out; its description names those that it has. */
export const optionalFunctions = [
  'estimate',
  'diagnose',
  'chooseFiles',
  'moreNames',
  'checkOptions',
  'unserved',
  'abilities',
  'slots',
  'forecast',
  'readForecast',
] as const;
