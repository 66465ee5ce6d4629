/** Path of a Chromium or Chrome, `undefined` where there is none. */
export function findChromium(): string | undefined;
/** Whether the tests run on a real GPU. */
export const realGpu: boolean;
/** Command line of the tests' Chromium. */
export const chromiumArgs: string[];
