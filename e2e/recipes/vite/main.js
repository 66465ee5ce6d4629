import { createEmbedder, createSearchIndex } from "strata-embed";

const embedder = await createEmbedder({ model: "/models/nano-q4/" });
const index = await createSearchIndex({ embedder });
await index.add([
  { id: "granite", text: "Granite cools slowly, deep below the ground." },
  { id: "sonnet", text: "A sonnet has fourteen lines." },
  { id: "bread", text: "Dough rises because yeast gives off gas." },
]);
const { hits } = await index.search("how does rock form");
document.querySelector("#hit").textContent = hits[0].text;
