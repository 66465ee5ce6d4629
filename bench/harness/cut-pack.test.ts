import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packSynthetic } from "../../tools/pack/synthetic-pack.ts";
import { temporaryFolder } from "../../tools/pack/temporary-folder.ts";
import { cutPack } from "./cut-pack.ts";

const root = temporaryFolder();
const pack = (layers: number) =>
  packSynthetic({ shape: "line", bits: 4, embeddingBits: 8, layers, out: join(root, `${layers}`) });

describe("cutPack", () => {
  it("gives the manifest that a pack of so few layers has, known answers included", async () => {
    const [one, three] = [await pack(1), await pack(3)];
    expect(await cutPack(join(root, "3"), 1)).toEqual(one);
    expect(await cutPack(join(root, "3"), 3)).toEqual(three);
  });

  it("refuses more layers than there are", async () => {
    await pack(2);
    await expect(cutPack(join(root, "2"), 3)).rejects.toMatchObject({ code: "invalid-input" });
  });
});
