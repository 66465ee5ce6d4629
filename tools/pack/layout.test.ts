import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layerTensorSpecs } from "../../src/model/manifest.ts";
import { parseConfig } from "./config.ts";
import { splitPart } from "./jobs.ts";
import { type Part, planLayout } from "./layout.ts";
import { TINY_CONFIG } from "./synthetic-model.ts";

const { architecture } = parseConfig(JSON.stringify(TINY_CONFIG));
const allBits = fc.constantFrom(4 as const, 8 as const, 16 as const);

describe("planLayout", () => {
  it.each([4, 8, 16] as const)(
    "holds the tensors that the runtime asks for, in files of one layer (%d bit)",
    (bits) => {
      const { tensors } = planLayout(architecture, bits, 8);
      const wanted = [0, 1].flatMap((layer) =>
        layerTensorSpecs(architecture, bits).map(({ input, dtype, shape }) => ({
          name: `layers.${layer}.${input}`,
          dtype,
          shape,
          file: `layer-0${layer}.bin`,
        })),
      );
      const final = { name: "final.norm", dtype: "float16", shape: [64], file: "final.bin" };
      expect(tensors.map(({ name, dtype, shape, file }) => ({ name, dtype, shape, file }))).toEqual([...wanted, final]);
    },
  );

  it("aligns tensors at 256 bytes, one after the other, inside their file", () => {
    const widths = fc.integer({ min: 1, max: 9 }).map((blocks) => blocks * 32);
    fc.assert(
      fc.property(widths, widths, allBits, (hidden_size, intermediate_size, bits) => {
        const shape = { ...architecture, hidden_size, intermediate_size };
        const { tensors, files } = planLayout(shape, bits, bits);
        for (const file of files.filter(({ name }) => !name.startsWith("embedding"))) {
          let end = 0;
          for (const tensor of tensors.filter((candidate) => candidate.file === file.name)) {
            expect(tensor.offset % 256).toBe(0);
            expect(tensor.offset).toBeGreaterThanOrEqual(end);
            expect(tensor.offset - end).toBeLessThan(256);
            end = tensor.offset + tensor.bytes;
          }
          expect(file.bytes).toBeGreaterThanOrEqual(end);
        }
      }),
    );
  });

  it("splits the token table at 64 MiB, between rows", () => {
    const big = { ...architecture, hidden_size: 2560, vocab_size: 151_669 };
    const { files, tokenTable } = planLayout(big, 4, 8);
    expect(tokenTable).toMatchObject({ bits: 8, rowBytes: 2720, rowsPerFile: Math.floor(2 ** 26 / 2720) });
    expect(tokenTable.files).toEqual(Array.from({ length: 7 }, (_, i) => `embedding-${i}.bin`));
    const sizes = files.filter(({ name }) => name.startsWith("embedding")).map(({ bytes }) => bytes);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 ** 26);
    expect(sizes.reduce((a, b) => a + b)).toBe(151_669 * 2720);
  });

  it("numbers more than a hundred layers so that names sort", () => {
    const { files } = planLayout({ ...architecture, num_hidden_layers: 101 }, 4, 4);
    expect(files[7]?.name).toBe("layer-007.bin");
  });
});

describe("splitPart", () => {
  it("covers each row once, back to back in the file", () => {
    const shapes = fc.record({
      form: fc.constantFrom("half" as const, "blocks" as const, "table" as const),
      rows: fc.integer({ min: 1, max: 5000 }),
      columns: fc.integer({ min: 1, max: 400 }).map((blocks) => blocks * 32),
      firstRow: fc.nat(1000),
    });
    fc.assert(
      fc.property(shapes, ({ form, ...shape }) => {
        const part: Part = {
          form,
          bits: form === "half" ? 16 : 4,
          source: "w",
          offset: 512,
          scalesOffset: 2 ** 30,
          ...shape,
        };
        const codeBytes = (part.columns * part.bits) / 8;
        const scaleBytes = form === "half" ? 0 : part.columns / 16;
        let row = part.firstRow;
        for (const piece of splitPart(part)) {
          expect(piece.firstRow).toBe(row);
          const done = row - part.firstRow;
          expect(piece.offset).toBe(512 + done * (form === "table" ? codeBytes + scaleBytes : codeBytes));
          expect(piece.scalesOffset).toBe(2 ** 30 + done * scaleBytes);
          row += piece.rows;
        }
        expect(row).toBe(part.firstRow + part.rows);
      }),
    );
  });
});
