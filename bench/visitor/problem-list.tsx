/** @file What went wrong, and what to do about it. */
import type { Problem } from "./page-setup.ts";

export function ProblemList({ problems }: { readonly problems: readonly Problem[] }) {
  return (
    <div role="alert" class="problems">
      {problems.map(({ where, what, remedy }) => (
        <section key={where + what} class="card problem">
          <h2>{where} failed</h2>
          <p class="problem-words">{what}</p>
          <p>{remedy}</p>
        </section>
      ))}
    </div>
  );
}
