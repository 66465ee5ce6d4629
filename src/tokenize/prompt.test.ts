import { describe, expect, it } from "vitest";
import { QWEN } from "../../fixtures/tokenizer/files.ts";
import { applyPrompt } from "./prompt.ts";

const { prompts } = QWEN;

describe("applyPrompt", () => {
  it("leaves a document as it is, whatever the instruction", () => {
    expect(applyPrompt("gravity", prompts)).toBe("gravity");
    expect(applyPrompt("gravity", prompts, { role: "document", instruction: "find it" })).toBe("gravity");
  });

  it("gives a query the instruction, with no space after `Query:`", () => {
    expect(applyPrompt("gravity", prompts, { role: "query", instruction: "Name the force" })).toBe(
      "Instruct: Name the force\nQuery:gravity",
    );
  });

  it("gives a query the pack's own instruction when there is none", () => {
    expect(applyPrompt("gravity", prompts, { role: "query" })).toBe(
      "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:gravity",
    );
  });

  it("takes placeholders and replacement patterns in a text or an instruction literally", () => {
    const odd = "$& $1 $` $$ {text} {instruction}";
    expect(applyPrompt(odd, prompts, { role: "query", instruction: odd })).toBe(`Instruct: ${odd}\nQuery:${odd}`);
    expect(applyPrompt(odd, prompts)).toBe(odd);
  });
});
