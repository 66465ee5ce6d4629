import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { embedStream, type EmbeddedRow } from "./embed-stream.ts";
import { EmbedError } from "./errors.ts";
import {
  CountingEmbedder,
  CountingSource,
  drain,
  indicesOf,
  numberIn,
  settle,
  textOf,
  upTo,
  vectorsOf,
} from "./fixtures/counting-embedder.ts";
import { nextTask } from "./next-task.ts";

/** A source that cannot be closed, as a file on a drive that was pulled out. */
async function* sticky(): AsyncGenerator<string> {
  try {
    for (let index = 0; ; index++) yield textOf(index);
  } finally {
    // eslint-disable-next-line no-unsafe-finally -- this is the fault
    throw new Error("cannot close");
  }
}

describe("leaving a stream", () => {
  it("cancels what is in flight and closes the source", async () => {
    const source = new CountingSource(1000);
    const embedder = new CountingEmbedder();
    embedder.tasks = (batch) => (batch === 0 ? 1 : 1000);
    for await (const { index } of embedStream(embedder.embed, source, { batchTexts: 4 })) if (index === 1) break;
    expect(source.closed).toBe(1);
    await settle();
    expect([embedder.running, embedder.aborted, source.read]).toEqual([0, 2, 12]);
  });

  it("works by return() and throw() while a row is awaited", async () => {
    for (const leave of ["return", "throw"] as const) {
      const source = new CountingSource(1000);
      const embedder = new CountingEmbedder();
      embedder.tasks = () => 1000;
      const stream = embedStream(embedder.embed, source, { batchTexts: 4 });
      const pending = stream.next();
      await settle();
      const reason = new Error("enough");
      if (leave === "return") await stream.return();
      else await expect(stream.throw(reason)).rejects.toBe(reason);
      expect(await pending).toEqual({ value: undefined, done: true });
      await settle();
      expect([embedder.running, embedder.aborted, source.closed]).toEqual([0, 3, 1]);
      expect(await stream.next()).toEqual({ value: undefined, done: true });
    }
  });

  it("throws into the loop what the consumer throws, and what closing the source throws", async () => {
    const reason = new Error("enough");
    const stream = embedStream(new CountingEmbedder().embed, new CountingSource(9), { batchTexts: 2 });
    await stream.next();
    await expect(stream.throw(reason)).rejects.toBe(reason);

    const other = embedStream(new CountingEmbedder().embed, sticky(), { batchTexts: 2 });
    await other.next();
    await settle();
    await expect(other.return()).rejects.toThrow("cannot close");
  });

  it("does nothing to a source that was not read", async () => {
    const source = new CountingSource(3);
    const stream = embedStream(new CountingEmbedder().embed, source);
    await stream.return();
    expect(await stream.next()).toEqual({ value: undefined, done: true });
    expect([source.read, source.closed]).toEqual([0, 0]);
  });

  it("does not wait for a source that is in the middle of a read, and closes it after that", async () => {
    let closed = false;
    let goOn = (): void => {};
    const stuck = async function* (): AsyncGenerator<string> {
      try {
        yield "text 0";
        await new Promise<void>((resolve) => (goOn = resolve));
        yield "text 1";
      } finally {
        closed = true;
      }
    };
    for await (const { index } of embedStream(new CountingEmbedder().embed, stuck(), { batchTexts: 1 })) {
      expect(index).toBe(0);
      break;
    }
    expect(closed).toBe(false);
    goOn();
    await settle();
    expect(closed).toBe(true);
  });

  it("reads no further to fill a batch", async () => {
    const source = new CountingSource(100_000);
    const stream = embedStream(new CountingEmbedder().embed, source.slowly(), { batchTexts: 100_000 });
    const pending = stream.next();
    for (let task = 0; task < 5; task++) await nextTask();
    await stream.return();
    expect(await pending).toEqual({ value: undefined, done: true });
    await settle();
    expect(source.closed).toBe(1);
    expect(source.read).toBeLessThan(10);
  });

  it("rejects with aborted when the signal fires, also when no row is awaited", async () => {
    const embedder = new CountingEmbedder();
    embedder.tasks = (batch) => (batch === 0 ? 1 : 1000);
    const source = new CountingSource(1000);
    const controller = new AbortController();
    const stream = embedStream(embedder.embed, source, { batchTexts: 4, signal: controller.signal });
    await stream.next();
    controller.abort("why");
    await settle();
    expect([embedder.running, embedder.aborted, source.closed]).toEqual([0, 2, 1]);
    await expect(stream.next()).rejects.toMatchObject({ code: "aborted", cause: "why" });
    expect(await stream.next()).toEqual({ value: undefined, done: true });

    const tooLate = embedStream(embedder.embed, source, { signal: controller.signal });
    await expect(tooLate.next()).rejects.toMatchObject({ code: "aborted" });
    expect(source.read).toBe(12);
  });
});

describe("an error in a stream", () => {
  it.each([0, 1, 5, 6, 8])("of the source at text %i comes after the rows before it", async (failAt) => {
    const source = new CountingSource(9, failAt);
    const embedder = new CountingEmbedder();
    const { rows, error } = await drain(embedStream(embedder.embed, source, { batchTexts: 3 }));
    expect(vectorsOf(rows)).toEqual(upTo(failAt));
    expect(error).toMatchObject({ message: `no text ${failAt}` });
    expect(embedder.running).toBe(0);
  });

  it("of a text in a batch comes at its place, with its index in the stream", async () => {
    const embedder = new CountingEmbedder();
    const bad = [5, 4, 7];
    embedder.check = (inputs) => {
      const index = inputs.findIndex((input) => numberIn(input) === bad[0]);
      const later = inputs.findIndex((input) => bad.includes(numberIn(input)));
      // A run may find a later fault first.
      const found = index >= 0 ? index : later;
      if (found >= 0)
        throw new EmbedError("invalid-input", `text ${found} is bad`, { details: { index: found, k: 1 } });
    };
    const { rows, error } = await drain(embedStream(embedder.embed, new CountingSource(30), { batchTexts: 3 }));
    expect(vectorsOf(rows)).toEqual(upTo(4));
    expect(error).toMatchObject({
      code: "invalid-input",
      details: { index: 4, k: 1 },
      message: "in the batch that begins with text 3 of the stream: text 1 is bad",
    });
  });

  it("of what is no text comes at its place", async () => {
    const source = ["text 0", "text 1", 7, "text 3"] as string[];
    const { rows, error } = await drain(embedStream(new CountingEmbedder().embed, source, { batchTexts: 3 }));
    expect(vectorsOf(rows)).toEqual([0, 1]);
    expect(error).toMatchObject({ code: "invalid-input", details: { index: 2, type: "number" } });
  });

  it("ends what else is in flight and closes the source", async () => {
    const source = new CountingSource(1000);
    const embedder = new CountingEmbedder();
    embedder.tasks = (batch) => (batch === 0 ? 5 : 1000);
    embedder.check = () => {
      throw new EmbedError("out-of-memory", "no");
    };
    const { rows, error } = await drain(embedStream(embedder.embed, source, { batchTexts: 4 }));
    expect([rows, error]).toEqual([[], expect.objectContaining({ code: "out-of-memory" })]);
    await settle();
    expect([embedder.running, embedder.aborted, source.closed]).toEqual([0, 2, 1]);
  });

  it("is not hidden by that of a source that cannot be closed", async () => {
    const embedder = new CountingEmbedder();
    embedder.tasks = () => 5;
    embedder.check = () => {
      throw new EmbedError("out-of-memory", "no");
    };
    const { error } = await drain(embedStream(embedder.embed, sticky(), { batchTexts: 2 }));
    expect(error).toMatchObject({ code: "out-of-memory" });
  });

  it("never loses, repeats or swaps a row, whatever fails and however batches are cut", async () => {
    const scenario = fc.record({
      texts: fc.nat(60),
      batchTexts: fc.integer({ min: 1, max: 9 }),
      batchesInFlight: fc.integer({ min: 1, max: 4 }),
      tasks: fc.array(fc.nat(4), { minLength: 1 }),
      /** Of attempts. */
      refused: fc.array(fc.nat(30), { maxLength: 8 }),
      sourceFails: fc.option(fc.nat(80), { nil: Infinity }),
      badText: fc.option(fc.nat(80), { nil: Infinity }),
      leaveAt: fc.option(fc.nat(80), { nil: Infinity }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ texts, tasks, refused, sourceFails, badText, leaveAt, ...options }) => {
        const source = new CountingSource(texts, sourceFails);
        const embedder = new CountingEmbedder();
        let attempts = 0;
        embedder.tasks = (batch) => tasks[batch % tasks.length]!;
        embedder.check = (inputs) => {
          if (refused.includes(attempts++)) throw new EmbedError("queue-full", "full");
          const index = inputs.findIndex((input) => numberIn(input) === badText);
          if (index >= 0) throw new EmbedError("invalid-input", "bad", { details: { index } });
        };
        const rows: EmbeddedRow[] = [];
        const stream = embedStream(embedder.embed, source, { ...options, wait: nextTask });
        const end = Math.min(texts, sourceFails, badText);
        let thrown: unknown = null;
        try {
          for await (const row of stream) {
            expect(source.read - rows.length).toBeLessThanOrEqual(options.batchTexts * options.batchesInFlight);
            rows.push(row);
            if (row.index === leaveAt) break;
          }
        } catch (error) {
          thrown = error;
        }
        expect(indicesOf(rows)).toEqual(upTo(Math.min(end, leaveAt + 1)));
        expect(vectorsOf(rows)).toEqual(indicesOf(rows));
        const fails = leaveAt >= end && end < texts;
        if (fails)
          expect((thrown as EmbedError).details?.["index"]).toBe(badText === end ? sourceFailsFirst() : undefined);
        else expect(thrown).toBeNull();
        expect(embedder.maxRunning).toBeLessThanOrEqual(options.batchesInFlight);
        await settle();
        expect(embedder.running).toBe(0);
        expect(source.closed).toBeLessThanOrEqual(1);

        function sourceFailsFirst(): number | undefined {
          return sourceFails === badText ? undefined : badText;
        }
      }),
    );
  });
});
