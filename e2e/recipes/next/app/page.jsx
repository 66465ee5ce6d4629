"use client";
import { useEffect, useState } from "react";

const DOCUMENTS = [
  { id: "granite", text: "Granite cools slowly, deep below the ground." },
  { id: "sonnet", text: "A sonnet has fourteen lines." },
  { id: "bread", text: "Dough rises because yeast gives off gas." },
];

async function findHit() {
  // In the browser only: a server has no workers to run it in.
  const { createEmbedder, createSearchIndex } = await import("strata-embed");
  const embedder = await createEmbedder({ model: "/models/nano-q4/" });
  const index = await createSearchIndex({ embedder });
  await index.add(DOCUMENTS);
  const { hits } = await index.search("how does rock form");
  return hits[0].text;
}

export default function Page() {
  const [hit, setHit] = useState("");
  useEffect(() => void findHit().then(setHit), []);
  return <p id="hit">{hit}</p>;
}
