/** @file The small files of an export, as transformers.js and others read them. Pure. */
import { EmbedError } from "../../src/errors.ts";
import type { ExportSource } from "./export-source.ts";

/** Files of external data by name of the graph's file. */
export type DataFileCounts = Readonly<Record<string, number>>;

/**
 * @param dataFiles - Of every graph of the export's folder, those of earlier runs included.
 * @returns `config.json`.
 */
export function exportConfig(source: ExportSource, dataFiles: DataFileCounts): string {
  const config = {
    architectures: ["Qwen3Model"],
    model_type: "qwen3",
    ...source.architecture,
    attention_bias: false,
    hidden_act: "silu",
    tie_word_embeddings: true,
    use_cache: false,
    use_sliding_window: false,
    bos_token_id: source.endTokenId,
    eos_token_id: source.endTokenId,
    pad_token_id: source.padTokenId,
    "transformers.js_config": { use_external_data_format: dataFiles },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** What an earlier `config.json` of the same folder said; nothing where there is none that can be read. */
export function readDataFileCounts(text: string | null): DataFileCounts {
  try {
    const config = JSON.parse(text ?? "{}") as {
      readonly "transformers.js_config"?: { readonly use_external_data_format?: unknown };
    };
    const counts = config["transformers.js_config"]?.use_external_data_format;
    if (typeof counts !== "object" || counts === null) return {};
    return Object.fromEntries(Object.entries(counts).filter(([, count]) => Number.isInteger(count)));
  } catch {
    return {};
  }
}

/**
 * The tokenizer's config with what the pipeline needs: padding on the left, because `last_token` pooling takes the
 * last position, and a limit that the graph's position tables reach.
 *
 * @throws {EmbedError} `model-corrupt` for what is not a JSON object.
 */
export function exportTokenizerConfig(text: string, maxTokens: number): string {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (cause) {
    throw new EmbedError("model-corrupt", "tokenizer_config.json is not JSON", { cause });
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new EmbedError("model-corrupt", "tokenizer_config.json is no object");
  }
  const stated = (config as { readonly model_max_length?: unknown }).model_max_length;
  const limit = typeof stated === "number" ? Math.min(stated, maxTokens) : maxTokens;
  return `${JSON.stringify({ ...config, padding_side: "left", model_max_length: limit }, null, 2)}\n`;
}
