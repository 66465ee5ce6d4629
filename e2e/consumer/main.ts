/** @file What the page does with the library, bundled or not. */
import { createEmbedder } from "strata-embed";

const embedder = await createEmbedder({ model: "/public/models/nano-q4/", device: "wasm" });
const { data, rows, dimensions } = await embedder.embedDocuments(["one text", "another"], { dimensions: 128 });
document.querySelector("#out")!.textContent = JSON.stringify({ rows, dimensions, length: data.length });
embedder.dispose();
