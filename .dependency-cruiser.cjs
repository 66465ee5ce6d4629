/** The import arrows of DESIGN.md: demo → index → embedder → thread ═ workers → pipeline → stages → errors, types. */
const STAGES = "model|tokenize|batch|gpu|pool|search";

/** A package that only one place may import. */
const oneDoor = (name, door) => ({
  name: `one-door-${name}`,
  severity: "error",
  comment: `Only ${door} talks to ${name}.`,
  from: { path: "^(src|demo|workers)/", pathNot: [`^${door}`, "[.]test[.]tsx?$"] },
  to: { path: `^node_modules/${name}/` },
});

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "stages-are-apart",
      severity: "error",
      comment: "A stage imports errors, types and its own folder; pipeline.ts composes stages.",
      from: { path: `^src/(${STAGES})/`, pathNot: "[.]test[.]ts$" },
      to: {
        path: "^(src|workers|demo|tools|bench)/",
        pathNot: [
          "^src/(delivery|errors|execution|metrics|pack|search-types|types|next-task|float16|sha256)[.]ts$",
          "^src/$1/",
        ],
      },
    },
    {
      name: "foundations-import-nothing",
      severity: "error",
      from: { path: "^src/(delivery|errors|execution|metrics|pack|search-types|types|next-task|float16|sha256)[.]ts$" },
      to: { pathNot: "^src/(delivery|execution|metrics|pack|search-types|types)[.]ts$" },
    },
    {
      name: "pipeline-composes-stages-only",
      severity: "error",
      from: { path: "^src/(assess|(open-)?pipeline|open-planner|pipeline-metrics|warm-up)[.]ts$" },
      to: {
        path: "^(src|workers|demo)/",
        pathNot: [
          `^src/(${STAGES})/`,
          "^src/(delivery|errors|execution|metrics|pack|types|next-task|float16|sha256|open-planner|pipeline|pipeline-metrics|self-check|warm-up)[.]ts$",
        ],
      },
    },
    {
      name: "thread-knows-no-stage",
      severity: "error",
      from: { path: "^src/thread/", pathNot: ["[.]test[.]ts$", "/fixtures/"] },
      to: {
        path: "^src/",
        pathNot: ["^src/thread/", "^src/(delivery|errors|execution|metrics|pack|search-types|types)[.]ts$"],
      },
    },
    {
      name: "the-store-s-page-side-knows-no-stage",
      severity: "error",
      comment: "What crosses to the store's worker does so through src/thread.",
      from: { path: "^src/(pack-store|model-input|wrong-type)[.]ts$" },
      to: { path: "^src/", pathNot: ["^src/thread/", "^src/(delivery|errors|model-input|wrong-type)[.]ts$"] },
    },
    {
      name: "demo-uses-the-public-api",
      severity: "error",
      from: { path: "^demo/", pathNot: "[.]test[.]ts$" },
      to: { path: "^(src|workers|tools|bench)/", pathNot: "^src/index[.]ts$" },
    },
    {
      name: "product-imports-no-tooling",
      severity: "error",
      from: { path: "^(src|workers|demo)/", pathNot: "[.]test[.]tsx?$" },
      to: { path: "^(tools|bench|e2e)/" },
    },
    oneDoor("onnxruntime-(web|common)", "src/gpu/"),
    oneDoor("@huggingface", "src/tokenize/"),
    oneDoor("comlink", "src/thread/"),
    oneDoor("minisearch", "src/search/lexical"),
    oneDoor("idb", "src/search/store/"),
    ...["pdfjs-dist", "mammoth", "marked", "papaparse", "fflate", "htmlparser2"].map((name) =>
      oneDoor(name, "demo/import/"),
    ),
    oneDoor("umap-js", "demo/map/"),
    oneDoor("chart.js", "demo/map/"),
    { name: "no-unresolved", severity: "error", from: {}, to: { couldNotResolve: true, pathNot: "[?]" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // Consumer and recipes import the built library, which a fresh clone does not have yet.
    exclude: { path: "^(dist|e2e/(consumer|recipes))/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "browser", "default", "types"],
    },
  },
};
