import { describe, expect, it } from "vitest";
import { barChart } from "./chart.ts";

const at = (median: number, least = median, most = median) => ({ median, least, most });

const chart = {
  title: "Tokens & seconds",
  scale: "longer is faster",
  series: ["Strata", "the other"],
  groups: [
    {
      label: "mixed <lengths>",
      bars: [
        { series: 0, spread: at(100, 80, 120), text: "100/s" },
        { series: 1, spread: at(50), text: "50/s" },
      ],
    },
  ],
};

describe("barChart", () => {
  it("draws a bar for each value, as long as it is large", () => {
    const svg = barChart(chart);
    const widths = [...svg.matchAll(/<rect x="290" y="[\d.]+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths).toHaveLength(2);
    expect(widths[0]! / widths[1]!).toBeCloseTo(2, 1);
  });

  it("shows the range where there is one, inside the picture", () => {
    const svg = barChart(chart);
    const ends = [...svg.matchAll(/class="whisker" x1="([\d.]+)"/g)].map(([, x]) => Number(x));
    expect(ends).toHaveLength(3);
    expect(Math.max(...ends)).toBeLessThan(860);
  });

  it("escapes words, and brings its own background for dark and light pages", () => {
    const svg = barChart(chart);
    expect(svg).toContain("mixed &lt;lengths&gt;");
    expect(svg).toContain("Tokens &amp; seconds");
    expect(svg).toContain('class="card"');
    expect(svg).toContain("prefers-color-scheme: dark");
  });

  it("refuses a chart of nothing, and a bar of no series", () => {
    expect(() => barChart({ ...chart, groups: [] })).toThrow(RangeError);
    const stray = { label: "", bars: [{ series: 2, spread: at(1), text: "" }] };
    expect(() => barChart({ ...chart, groups: [stray] })).toThrow(RangeError);
  });
});
