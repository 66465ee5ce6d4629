import { describe, expect, it } from "vitest";
import { parseNodeOptions } from "./options.ts";

describe("parseNodeOptions", () => {
  it("takes what a GPU is for at full size", () => {
    const options = parseNodeOptions(["--size", "full"])!;
    expect(options.shapes).toEqual(["nano", "0.6b", "4b", "8b"]);
    expect(options.activations).toEqual(["f32", "f16"]);
    expect(options.lengths.at(-1)).toEqual([32_768]);
  });

  it("lets each part of a size be replaced", () => {
    const args = ["--shapes", "4b", "--layers", "1", "--lengths", "16", "--batches", "", "--budget", "512"];
    const options = parseNodeOptions(args)!;
    expect(options).toMatchObject({ shapes: ["4b"], layers: 1, lengths: [[16]], vramBudgetBytes: 2 ** 29 });
  });

  it("asks for the usage with --help", () => {
    expect(parseNodeOptions(["--help"])).toBeNull();
  });

  it.each([
    ["--size", "huge"],
    ["--shapes", "nano,5b"],
    ["--rounds", "0"],
    ["--nonsense", "1"],
  ])("refuses %s %s by name", (flag, value) => {
    expect(() => parseNodeOptions([flag, value])).toThrow(flag);
  });
});
