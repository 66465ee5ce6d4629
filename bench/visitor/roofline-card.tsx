/** @file The adapter's own peaks, and the share of them that each workload reaches. */
import { percent } from "../../demo/format.ts";
import type { Choice, Findings } from "./page-setup.ts";

interface RooflineCardProps extends Pick<Findings, "peaks" | "shares"> {
  readonly device: Choice["device"];
  readonly running: boolean;
}

export function RooflineCard({ peaks, shares, device, running }: RooflineCardProps) {
  if (!peaks) {
    if (running) return null;
    const why =
      device === "wasm" ? "The roofline is the GPU's: choose WebGPU to see it." : "The peaks were not measured.";
    return (
      <section class="card">
        <h2>Share of the GPU’s own peak</h2>
        <p class="small">{why}</p>
      </section>
    );
  }
  const { f32FlopsPerSecond, f16FlopsPerSecond, bytesPerSecond } = peaks;
  return (
    <section class="card" data-testid="roofline">
      <h2>Share of the GPU’s own peak</h2>
      <p class="small">
        Measured in this page: a plain matrix product runs at {rate(f32FlopsPerSecond, "FLOP/s")} in f32
        {f16FlopsPerSecond === null ? " (no f16 here)" : `, ${rate(f16FlopsPerSecond, "FLOP/s")} in f16`}; a buffer copy
        moves {rate(bytesPerSecond, "B/s")}, read and written. Work is that of the real tokens; single queries read the
        weights once each.
      </p>
      <div class="table-scroll" tabIndex={0} role="region" aria-label="Shares of the GPU's peak">
        <table class="shares">
          <thead>
            <tr>
              <th scope="col">Workload</th>
              <th scope="col">Runtime</th>
              <th scope="col" class="bar-cell">
                Of arithmetic
              </th>
              <th scope="col">Of bandwidth</th>
            </tr>
          </thead>
          <tbody>
            {shares.map((share) => (
              <ShareRow key={share.title + share.contender + share.mode} share={share} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function ShareRow({ share }: { readonly share: Findings["shares"][number] }) {
  const { title, contender, mode, ofArithmetic, flopsPerSecond, ofBandwidth } = share;
  return (
    <tr>
      <th scope="row">{title}</th>
      <td>
        {contender === "strata" ? "Strata" : contender}
        {mode !== "as given" && <span class="small"> {mode}</span>}
      </td>
      <td class="bar-cell">
        <span class="bar-line">
          <span class="bar-track" aria-hidden="true">
            <span
              class={contender === "strata" ? "bar bar-strata" : "bar bar-peer"}
              style={{ width: percent(ofArithmetic) }}
            />
          </span>
          <span>
            {percent(ofArithmetic)} <span class="small">{rate(flopsPerSecond, "FLOP/s")}</span>
          </span>
        </span>
      </td>
      <td data-name="Of bandwidth">{ofBandwidth === null ? "" : percent(ofBandwidth)}</td>
    </tr>
  );
}

const PREFIXES = ["", "k", "M", "G", "T", "P"];

function rate(perSecond: number, unit: string): string {
  const step = Math.min(PREFIXES.length - 1, Math.max(0, Math.floor(Math.log10(perSecond) / 3)));
  return `${(perSecond / 1000 ** step).toPrecision(3)}\u00a0${PREFIXES[step]}${unit}`;
}
