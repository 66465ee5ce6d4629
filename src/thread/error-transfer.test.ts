/** @file Tests of errors that cross a real message channel. */
import { expose, wrap } from "comlink";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { EmbedError, ERROR_CODES } from "../errors.ts";
import { installErrorTransfer } from "./error-transfer.ts";

const ports: MessagePort[] = [];
afterEach(() => ports.splice(0).forEach((port) => port.close()));

/** What the other side catches when this side throws. */
async function cross(thrown: unknown): Promise<unknown> {
  installErrorTransfer();
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const fail = (): void => {
    throw thrown;
  };
  expose({ fail }, port2);
  return wrap<{ fail(): void }>(port1)
    .fail()
    .catch((error: unknown) => error);
}

describe("installErrorTransfer", () => {
  it("keeps class, code, message and details of every EmbedError", async () => {
    const details = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ERROR_CODES), fc.string(), details, async (code, message, facts) => {
        const sent = new EmbedError(code, message, { details: facts });
        const caught = await cross(sent);
        expect(caught).toBeInstanceOf(EmbedError);
        expect(caught).not.toBe(sent);
        expect(caught).toMatchObject({ code, message, details: facts, name: "EmbedError" });
      }),
      { numRuns: 50 },
    );
  });

  it("keeps numbers that JSON has no word for", async () => {
    const caught = await cross(
      new EmbedError("numeric-fault", "", { details: { maxAbsDiff: Infinity, minCosine: NaN } }),
    );
    expect((caught as EmbedError).details).toEqual({ maxAbsDiff: Infinity, minCosine: NaN });
  });

  it("carries the chain of causes as text", async () => {
    const root = new RangeError("too far");
    const cause = new TypeError("no such row", { cause: root });
    const caught = (await cross(new EmbedError("model-corrupt", "bad", { cause }))) as EmbedError;
    expect(caught.cause).toBe("TypeError: no such row, because of RangeError: too far");
  });

  it("ends a chain of causes that bites its tail", async () => {
    const cause = new Error("ring");
    cause.cause = cause;
    const caught = (await cross(new EmbedError("model-corrupt", "bad", { cause }))) as EmbedError;
    expect(caught.cause).toMatch(/^Error: ring, because of /);
  });

  it("gives no cause where there was none", async () => {
    expect(await cross(new EmbedError("disposed", "gone"))).not.toHaveProperty("cause");
  });

  it("keeps the stack of the place that threw", async () => {
    const sent = new EmbedError("disposed", "gone");
    expect(((await cross(sent)) as EmbedError).stack).toBe(sent.stack);
  });

  it("turns details that cannot be cloned into text", async () => {
    const details = { index: 3, value: () => 1 };
    const caught = (await cross(new EmbedError("invalid-input", "bad", { details }))) as EmbedError;
    expect(caught.details).toEqual({ index: 3, value: "() => 1" });
  });

  it("leaves other errors as comlink sends them", async () => {
    const caught = await cross(new TypeError("foreign"));
    expect(caught).toBeInstanceOf(Error);
    expect(caught).not.toBeInstanceOf(EmbedError);
    expect(caught).toMatchObject({ name: "TypeError", message: "foreign" });
    expect(await cross({ not: "an error" })).toEqual({ not: "an error" });
  });
});
