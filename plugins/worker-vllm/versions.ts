/** Whether version `one` is lower than `two`. */
export const older = (one: string, two: string): boolean => {
  const [a, b] = [one, two].map((version) => version.split('.').map(Number)) as [number[], number[]];
  const place = b.findIndex((number, index) => (a[index] ?? 0) !== number);
  return place !== -1 && (a[place] ?? 0) < (b[place] ?? 0);
};
