/** @file How fast a device can do one thing over and over: the best of several submissions. */

/**
 * A submission should take so long: well above what submitting and waiting take themselves (about 1 ms in a browser),
 * well below the 2 s after which Windows resets a GPU.
 */
const SUBMISSION_MS = 60;

/** Most repetitions in one submission: a command buffer is no place for thousands. */
const MOST_REPEATS = 256;

/** However slow: the best of one is no measurement. */
const LEAST_SAMPLES = 3;

/**
 * The shortest time that one repetition took, after a first one that compiles and a search for how many make a
 * submission worth timing.
 *
 * @param encode - Puts one repetition into a command encoder.
 * @param options - `budgetMs`: about how long to go on.
 * @returns Milliseconds a repetition.
 */
export async function bestTime(
  device: GPUDevice,
  encode: (encoder: GPUCommandEncoder) => void,
  options: { readonly budgetMs: number },
): Promise<number> {
  const submit = async (repeats: number): Promise<number> => {
    const encoder = device.createCommandEncoder();
    for (let i = 0; i < repeats; i++) encode(encoder);
    const commands = encoder.finish();
    const started = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - started;
  };
  await submit(1);
  const started = performance.now();
  let repeats = 1;
  let best = Infinity;
  for (let samples = 0; samples < LEAST_SAMPLES || performance.now() - started < options.budgetMs; samples++) {
    const ms = await submit(repeats);
    best = Math.min(best, ms / repeats);
    const wanted = Math.ceil(SUBMISSION_MS / best);
    if (ms < SUBMISSION_MS / 2) repeats = Math.min(wanted, 4 * repeats, MOST_REPEATS);
  }
  return best;
}
