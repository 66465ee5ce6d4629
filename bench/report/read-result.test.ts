import { describe, expect, it } from "vitest";
import { newestOfEach, parseResult, ResultError } from "./read-result.ts";
import type { ResultFrame } from "./result.ts";

const frame: ResultFrame = {
  schema: "strata-bench",
  version: 1,
  kind: "compare",
  date: "2026-11-28T12:00:00Z",
  command: "npm run bench",
  commit: "abc1234",
  machine: { cpus: 2, cpuModel: "a processor", memoryBytes: 8e9, platform: "linux x64" },
  host: "Chromium 156.0",
  adapter: null,
  versions: { "strata-embed": "0.1.0" },
  model: "nano, 4 bit",
  notes: [],
};

const parse = (changes: object): ResultFrame => parseResult(JSON.stringify({ ...frame, ...changes }), "file.json");

describe("parseResult", () => {
  it("takes what a benchmark writes", () => {
    expect(parse({})).toEqual(frame);
  });

  it.each([
    [{ version: 2 }, "file.json has version 2, and only 1 is read: make it again"],
    [{ version: undefined }, "file.json has version missing"],
    [{ schema: "other" }, 'file.json is no result: its schema is "other"'],
    [{ kind: "gossip" }, 'file.json is of kind "gossip"'],
    [{ date: "yesterday" }, 'file.json: date is "yesterday"'],
    [{ command: 7 }, "file.json: command is 7, not a text"],
    [{ adapter: undefined }, "file.json has no adapter, not even null"],
    [{ machine: null }, "file.json has no machine or versions"],
    [{ notes: "none" }, "file.json has no notes"],
  ])("refuses %o, naming the file", (changes, message) => {
    expect(() => parse(changes)).toThrow(ResultError);
    expect(() => parse(changes)).toThrow(message);
  });

  it("refuses what is not JSON, or no object", () => {
    expect(() => parseResult("{", "file.json")).toThrow("file.json is not JSON");
    expect(() => parseResult("[]", "file.json")).toThrow("file.json is no object");
  });
});

describe("newestOfEach", () => {
  it("takes the first of each machine, model and size", () => {
    const [newer, older] = [{ ...frame, date: "2026-11-29" }, frame];
    const elsewhere = { ...frame, machine: { ...frame.machine, cpuModel: "another" } };
    const full = { ...frame, size: "full" };
    expect(newestOfEach([newer, elsewhere, full, older])).toEqual([newer, elsewhere, full]);
  });
});
