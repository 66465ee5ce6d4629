/** @file Tests of the code that reproduces a search: it parses, and asks for the same. */
import fc from "fast-check";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { toPublicModel, writeSnippet } from "./snippet.ts";
import type { SnippetSource } from "./snippet.ts";

const SOURCE: SnippetSource = {
  model: "https://strata.example/models/nano-q4/",
  query: "soft minerals",
  options: { topK: 10, mode: "hybrid" },
  view: {},
  index: { name: "library", stored: "float16" },
};

/** What the code, run, would ask the index for. */
async function run(code: string): Promise<unknown> {
  const { outputText, diagnostics } = ts.transpileModule(code, {
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  expect(diagnostics).toEqual([]);
  const body = outputText.replace(/^import.*$/m, "");
  const make = new Function("createEmbedder", "createSearchIndex", "console", `return (async () => {${body}})()`);
  const calls: unknown[] = [];
  const search = (...asked: unknown[]) => Promise.resolve({ hits: [], asked: calls.push(asked) });
  await make(
    (options: unknown) => void calls.push(options),
    (options: object) => (calls.push({ ...options, embedder: null }), { search }),
    console,
  );
  return calls;
}

describe("writeSnippet", () => {
  it("is what one would write by hand", () => {
    expect(writeSnippet(SOURCE)).toBe(`import { createEmbedder, createSearchIndex } from "strata-embed";

const embedder = await createEmbedder({ model: "https://strata.example/models/nano-q4/" });
const index = await createSearchIndex({ embedder, name: "library", stored: "float16" });
// Once; it is kept from then on: await index.add([{ id: "1", title: "…", text: "…" }]);

const { hits } = await index.search("soft minerals", { topK: 10, mode: "hybrid" });
for (const hit of hits) console.log(hit.score.toFixed(3), hit.title ?? "", hit.text);
`);
  });

  it("asks for the same, whatever was typed", async () => {
    const typed = fc.string({ unit: "binary" });
    const source = fc.record({
      model: fc.oneof(typed, fc.record({ hub: typed }), fc.record({ stored: typed })),
      query: fc.oneof(typed, fc.record({ passageId: fc.nat() })),
      options: fc.record({
        topK: fc.nat(),
        instruction: typed,
        filter: fc.record({
          metadata: fc.dictionary(
            typed.filter((name) => name !== "__proto__"),
            fc.array(typed),
          ),
        }),
      }),
      view: fc.constantFrom({}, { dimensions: 64, precision: "int8", rescore: false } as const),
      index: fc.constant({ name: "library", stored: "float16" } as const),
    });
    await fc.assert(
      fc.asyncProperty(source, async (asked) => {
        const { model, query, options, view, index } = asked;
        const opened = { embedder: null, ...index, ...(Object.keys(view).length > 0 && { view }) };
        const plain: unknown = JSON.parse(JSON.stringify([{ model }, opened, [query, options]]));
        expect(await run(writeSnippet(asked))).toEqual(plain);
      }),
      { numRuns: 40 },
    );
  });

  it("names no folder that only this visitor has", () => {
    expect(writeSnippet({ ...SOURCE, model: null })).toContain('createEmbedder({ model: { folder: "…" } })');
  });
});

describe("toPublicModel", () => {
  it("keeps where a model is, and neither tokens nor headers", () => {
    expect(toPublicModel({ hub: "a/b", path: "q4", token: "secret" })).toEqual({ hub: "a/b", path: "q4" });
    expect(toPublicModel({ url: "https://a.example/", headers: { cookie: "secret" } })).toEqual({
      url: "https://a.example/",
    });
    expect(toPublicModel({ stored: "nano-1" })).toEqual({ stored: "nano-1" });
    expect(toPublicModel({ folder: [] })).toBe(null);
  });
});
