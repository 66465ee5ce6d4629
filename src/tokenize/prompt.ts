/** @file The words around a text: a query gets its instruction. Pure. */
import type { Prompts } from "../pack.ts";
import type { TokenizeOptions } from "../types.ts";

const PLACEHOLDER = /\{(instruction|text)\}/g;

/**
 * The text as the model wants to see it. `{text}` or `$&` inside a text or an instruction are left as they are.
 *
 * @param options - `instruction` is of no effect on a document.
 * @see https://huggingface.co/Qwen/Qwen3-Embedding-4B (`get_detailed_instruct`)
 */
export function applyPrompt(
  text: string,
  prompts: Prompts,
  options: Pick<TokenizeOptions, "role" | "instruction"> = {},
): string {
  const { role = "document", instruction = prompts.defaultInstruction } = options;
  const template = role === "query" ? prompts.query : prompts.document;
  // One pass with a function: a replacement string would expand `$&`, two passes would fill what the text brought along.
  return template.replace(PLACEHOLDER, (_, name) => (name === "text" ? text : instruction));
}
