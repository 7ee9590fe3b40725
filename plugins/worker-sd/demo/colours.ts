/** The words that the demo model knows, and their colours: red, green and blue from -1 (dark) to 1 (bright). */
export const colours: Readonly<Record<string, readonly [red: number, green: number, blue: number]>> = {
  red: [0.8, -0.8, -0.8],
  green: [-0.8, 0.5, -0.7],
  blue: [-0.8, -0.6, 0.8],
  yellow: [0.8, 0.7, -0.8],
  orange: [0.9, 0.1, -0.9],
  purple: [0.2, -0.8, 0.5],
  pink: [0.9, 0.1, 0.4],
  brown: [-0.1, -0.5, -0.8],
  cyan: [-0.8, 0.7, 0.7],
  white: [0.9, 0.9, 0.9],
  black: [-0.9, -0.9, -0.9],
};
