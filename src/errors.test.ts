import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EmbedError, ERROR_CODES, throwIfAborted } from "./errors.ts";

describe("ERROR_CODES", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

  it.each(ERROR_CODES)("has %s in the README's table", (code) => {
    expect(readme).toMatch(new RegExp(`^\\| \`${code}\``, "m"));
  });
});

describe("throwIfAborted", () => {
  it("throws aborted with the signal's reason, and only then", () => {
    expect(() => throwIfAborted(undefined)).not.toThrow();
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
    const reason = new Error("tab closed");
    const thrown = ((): unknown => {
      try {
        return throwIfAborted(AbortSignal.abort(reason));
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(EmbedError);
    expect(thrown).toMatchObject({ code: "aborted", cause: reason });
  });
});
