/** @file What this device has for models, each with what it means. */
import type { DeviceFacts } from "../src/index.ts";
import type { ModelsState } from "./model-state.ts";
import { strings } from "./strings.ts";

const text = strings.models.device;

/** A list of facts. */
export function ThisDevice({ device, storage }: Pick<ModelsState, "device" | "storage">) {
  return (
    <section class="this-device" aria-labelledby="device-heading" data-testid="device">
      <h3 id="device-heading">{text.heading}</h3>
      {device ? (
        <dl class="facts">
          <GpuFacts device={device} />
          {device.deviceMemoryGiB !== null && (
            <Fact term={text.memory} value={text.memoryOf(device.deviceMemoryGiB)} note={text.memoryNote} />
          )}
          {storage && (
            <>
              <Fact
                term={text.storage}
                value={text.storageOf(storage.freeBytes, storage.usedBytes)}
                note={text.storageNote}
              />
              <Fact
                term={text.persisted}
                value={storage.persisted ? text.persistedYes : text.persistedNo}
                note={storage.persisted ? text.persistedYesNote : text.persistedNoNote}
              />
            </>
          )}
        </dl>
      ) : (
        <p class="small">{strings.models.assessing}…</p>
      )}
    </section>
  );
}

function GpuFacts({ device }: { device: DeviceFacts }) {
  const { adapter, missing, maxBindingBytes } = device;
  if (!adapter) return <Fact term={text.gpu} value={text.noGpu} note={text.onProcessor(missing)} />;
  const { vendor, architecture, description, software, shaderF16, maxBufferSize } = adapter;
  const name = [vendor, architecture].filter(Boolean).join(" ") || description || strings.status.unnamedAdapter;
  return (
    <>
      <Fact term={text.gpu} value={name} note={software ? text.softwareNote : text.onGpu} />
      <Fact term={text.f16} value={shaderF16 ? text.yes : text.no} note={shaderF16 ? text.f16Yes : text.f16No} />
      <Fact term={text.buffer} value={text.bufferOf(maxBufferSize, maxBindingBytes)} note={text.bufferNote} />
    </>
  );
}

function Fact({ term, value, note }: { term: string; value: string; note: string }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>
        {value}
        <span class="small">{note}</span>
      </dd>
    </div>
  );
}
