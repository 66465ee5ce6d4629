import { describe, expect, it } from "vitest";
import type { RunEvent } from "../types.ts";
import { RunFences, type RunReport } from "./run-fences.ts";

/** A device that finishes runs when it is told to, on a clock that is set by hand. */
function setUp() {
  const clock = { now: 0 };
  const events: RunEvent[] = [];
  const reports: RunReport<Error>[] = [];
  const finish: ((failure?: Error) => void)[] = [];
  const fences = new RunFences({ now: () => clock.now, onRun: (event) => events.push(event) });
  const start = (expectedMs: number | null = null): Promise<{ readonly ended: Promise<void> }> =>
    fences.run({ expectedMs, onEnd: (report: RunReport<Error>) => reports.push(report) }, () =>
      Promise.resolve({
        value: undefined,
        settled: new Promise<Error | null>((resolve) => finish.push((failure) => resolve(failure ?? null))),
      }),
    );
  /** Whether a run may start, once what is due has happened. */
  const isReady = async (): Promise<boolean> => {
    let ready = false;
    void fences.ready().then(() => (ready = true));
    await new Promise((resolve) => setImmediate(resolve));
    return ready;
  };
  return { clock, events, reports, finish, fences, start, isReady };
}

describe("RunFences", () => {
  it("lets two runs be ahead of the device, and a third when the first is done", async () => {
    const { start, isReady, finish } = setUp();
    expect(await isReady()).toBe(true);
    await start();
    expect(await isReady()).toBe(true);
    await start();
    expect(await isReady()).toBe(false);
    finish[0]!();
    expect(await isReady()).toBe(true);
  });

  it("lets more be ahead while they are expected to take 20 ms together", async () => {
    const { start, isReady } = setUp();
    for (let i = 0; i < 5; i++) {
      expect(await isReady()).toBe(true);
      await start(4.5);
    }
    expect(await isReady()).toBe(false);
  });

  it("counts a run of unknown length as long", async () => {
    const { start, isReady } = setUp();
    await start(1);
    await start();
    expect(await isReady()).toBe(false);
  });

  it("times a run whose end comes in after that of the readback that waited for it", async () => {
    const { fences, start, finish, clock, reports } = setUp();
    const run = await start();
    clock.now = 10;
    await fences.run({ expectedMs: null }, () => Promise.resolve({ value: [], settled: null }));
    finish[0]!();
    await run.ended;
    expect(reports).toEqual([{ ms: 10, failure: null }]);
  });

  it("times a run from the end of the one before it", async () => {
    const { start, finish, clock, reports } = setUp();
    const first = await start();
    clock.now = 10;
    const second = await start();
    clock.now = 100;
    finish[0]!();
    await first.ended;
    clock.now = 130;
    finish[1]!();
    await second.ended;
    clock.now = 200;
    const third = await start();
    clock.now = 205;
    finish[2]!();
    await third.ended;
    expect(reports.map(({ ms }) => ms)).toEqual([100, 30, 5]);
  });

  it("reports what went wrong on the device", async () => {
    const { start, finish, reports } = setUp();
    const { ended } = await start();
    const failure = new Error("no memory");
    finish[0]!(failure);
    await ended;
    expect(reports).toEqual([{ ms: 0, failure }]);
  });

  it("reports a run that is done at once, as on WASM", async () => {
    const { fences, events, isReady } = setUp();
    const reports: RunReport<Error>[] = [];
    const run = { expectedMs: 7, onEnd: (report: RunReport<Error>) => reports.push(report) };
    const { value } = await fences.run(run, () => Promise.resolve({ value: 3, settled: null }));
    expect(value).toBe(3);
    expect(reports).toHaveLength(1);
    expect(events).toEqual([{ kind: "run-start", expectedMs: 7 }, { kind: "run-end" }]);
    expect(await isReady()).toBe(true);
  });

  it("forgets a run that could not be started", async () => {
    const { fences, events, isReady } = setUp();
    const refusing = (): Promise<never> => Promise.reject(new Error("refused"));
    for (let i = 0; i < 3; i++) await expect(fences.run({ expectedMs: null }, refusing)).rejects.toThrow("refused");
    expect(events.map(({ kind }) => kind)).toEqual([
      "run-start",
      "run-end",
      "run-start",
      "run-end",
      "run-start",
      "run-end",
    ]);
    expect(await isReady()).toBe(true);
  });

  it("counts a run as ended though who is told of it throws, and says so to who waits for its end", async () => {
    const thrown = new Error("a hook threw");
    const events: string[] = [];
    let bad: string | null = null;
    const fences = new RunFences({
      onRun: ({ kind }) => {
        events.push(kind);
        if (kind === bad) throw thrown;
      },
    });
    const onEnd = (): void => {
      if (bad === "onEnd") throw thrown;
    };
    for (const settled of [null, Promise.resolve(null)]) {
      const start = () => fences.run({ expectedMs: null, onEnd }, () => Promise.resolve({ value: 1, settled }));
      for (bad of ["onEnd", "run-end"]) await expect((await start()).ended).rejects.toBe(thrown);
      bad = "run-start";
      await expect(start()).rejects.toBe(thrown);
      bad = null;
      await (
        await start()
      ).ended;
      // Nobody listens to this one.
      bad = "onEnd";
      await start();
      await fences.ready();
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(events.filter((kind) => kind === "run-end")).toHaveLength(10);
    await fences.ready();
  });

  it("leaves nobody waiting when it is closed", async () => {
    const { start, fences, events, reports, isReady, finish } = setUp();
    const runs = [await start(), await start()];
    const waiting = fences.ready();
    fences.close();
    await Promise.all([waiting, ...runs.map(({ ended }) => ended)]);
    expect(events.filter(({ kind }) => kind === "run-end")).toHaveLength(2);
    finish[0]!();
    expect(await isReady()).toBe(true);
    expect(reports).toEqual([]);
    expect(events).toHaveLength(4);
  });
});
