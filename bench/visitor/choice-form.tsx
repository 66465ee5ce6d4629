/** @file What the visitor chooses before a run, and how long it will take. */
import type { AdapterFacts } from "../../src/types.ts";
import type { Choice } from "./page-setup.ts";

interface ChoiceFormProps {
  readonly choice: Choice;
  readonly adapter: AdapterFacts | null;
  readonly missing: string;
  readonly running: boolean;
  readonly onChange: (choice: Choice) => void;
}

/** Of the built-in model. Measured on WebAssembly (2,000 tokens/s) and software WebGPU (70); a GPU is faster than both. */
const DURATIONS = {
  quick: { gpu: "a minute or less", wasm: "about a minute", software: "20 to 30 minutes" },
  full: { gpu: "a few minutes", wasm: "about 20 minutes", software: "hours" },
  smoke: { gpu: "seconds", wasm: "seconds", software: "about a minute" },
} as const;

export function ChoiceForm({ choice, adapter, missing, running, onChange }: ChoiceFormProps) {
  const set = (more: Partial<Choice>): void => onChange({ ...choice, ...more });
  const where = choice.device === "wasm" ? "wasm" : adapter?.software ? "software" : "gpu";
  const gpu = adapter ? adapter.description || [adapter.vendor, adapter.architecture].join(" ") : missing;
  return (
    <form class="choices" onSubmit={(event) => event.preventDefault()}>
      <fieldset disabled={running}>
        <legend class="visually-hidden">What to run</legend>
        <label>
          <span>Size</span>
          <select value={choice.size} onChange={(event) => set({ size: event.currentTarget.value as Choice["size"] })}>
            <option value="quick">Quick</option>
            <option value="full">Full: up to 32,768 tokens a text</option>
            {choice.size === "smoke" && <option value="smoke">Smoke test</option>}
          </select>
        </label>
        <label>
          <span>Device</span>
          <select
            value={choice.device}
            onChange={(event) => set({ device: event.currentTarget.value as Choice["device"] })}
          >
            <option value="webgpu" disabled={!adapter}>
              WebGPU{adapter?.software ? " (software)" : ""}
            </option>
            <option value="wasm">WebAssembly</option>
          </select>
        </label>
        <label>
          <span>Activations</span>
          <select
            value={choice.activations}
            onChange={(event) => set({ activations: event.currentTarget.value as Choice["activations"] })}
          >
            <option value="f32">f32</option>
            <option value="f16" disabled={!adapter?.shaderF16 || choice.device === "wasm"}>
              f16
            </option>
          </select>
        </label>
        <ModelFields {...{ choice, set }} />
      </fieldset>
      <p class="small">
        GPU: {gpu}. Takes {DURATIONS[choice.size][where]} with the built-in model: cold opens, single queries, mixed and
        equal lengths, long texts, exactness{choice.device === "webgpu" ? ", the GPU's own peaks" : ""}.
        {where === "software" && " This adapter is software: WebAssembly is faster here."}
      </p>
    </form>
  );
}

interface ModelFieldsProps {
  readonly choice: Choice;
  readonly set: (more: Partial<Choice>) => void;
}

function ModelFields({ choice, set }: ModelFieldsProps) {
  return (
    <details>
      <summary>Another model</summary>
      <label>
        <span>Pack (npm run pack)</span>
        <input type="url" value={choice.packUrl} onChange={(event) => set({ packUrl: asFolder(event) })} />
      </label>
      <label>
        <span>Export of the same weights (npm run export)</span>
        <input type="url" value={choice.exportUrl} onChange={(event) => set({ exportUrl: asFolder(event) })} />
      </label>
      <p class="small">
        Servers on this machine only, with CORS where the port differs; or start the command with --model and --export.
      </p>
    </details>
  );
}

function asFolder(event: { readonly currentTarget: HTMLInputElement }): string {
  const { value } = event.currentTarget;
  return value.endsWith("/") ? value : `${value}/`;
}
