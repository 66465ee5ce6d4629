/** @file Filters: a list for each field by which documents differ, and what was chosen as chips. */
import { useMemo } from "preact/hooks";
import type { DocumentEntry } from "../src/index.ts";
import { countFacets, FACETS, toggleFilter } from "./question.ts";
import type { Facet, FacetValues, Filters, Question } from "./question.ts";
import { strings } from "./strings.ts";

const text = strings.filters;

interface FiltersProps {
  readonly filters: Filters;
  readonly onChange: (change: Partial<Question>) => void;
}

/** One list a field; choosing a value adds it to what was chosen. */
export function FilterSelects({
  filters,
  documents,
  onChange,
}: FiltersProps & { documents: readonly DocumentEntry[] }) {
  const facets = useMemo(() => countFacets(documents), [documents]);
  const onChoose = (facet: Facet, value: string): void => onChange({ filters: toggleFilter(filters, facet, value) });
  return (
    <div class="filters" role="group" aria-label={text.label} data-testid="filters">
      {facets.map((values) => (
        <FacetSelect key={values.facet} facet={values} chosen={filters[values.facet] ?? []} onChoose={onChoose} />
      ))}
    </div>
  );
}

interface FacetSelectProps {
  readonly facet: FacetValues;
  readonly chosen: readonly string[];
  readonly onChoose: (facet: Facet, value: string) => void;
}

function FacetSelect({ facet: { facet, values }, chosen, onChoose }: FacetSelectProps) {
  return (
    <select
      class="select"
      aria-label={text.name(facet)}
      data-testid={`filter-${facet}`}
      // It always shows its name: what was chosen stands in the chips.
      value=""
      onChange={(event) => {
        onChoose(facet, event.currentTarget.value);
        event.currentTarget.value = "";
      }}
    >
      <option value="">{chosen.length === 0 ? text.all(facet) : text.name(facet)}</option>
      {values.map(({ value, documents }) => (
        <option key={value} value={value}>
          {`${chosen.includes(value) ? "✓ " : ""}${text.value(value, documents)}`}
        </option>
      ))}
    </select>
  );
}

/** What was chosen; nothing where nothing was. */
export function FilterChips({ filters, onChange }: FiltersProps) {
  const chosen = FACETS.flatMap((facet) => (filters[facet] ?? []).map((value) => ({ facet, value })));
  if (chosen.length === 0) return null;
  return (
    <ul class="chosen" data-testid="chosen-filters">
      {chosen.map(({ facet, value }) => (
        <li key={`${facet}:${value}`}>
          <button
            type="button"
            class="chip"
            aria-label={text.remove(facet, value)}
            onClick={() => onChange({ filters: toggleFilter(filters, facet, value) })}
          >
            {value} <span aria-hidden="true">×</span>
          </button>
        </li>
      ))}
      <li>
        <button type="button" class="hit-action" data-testid="clear-filters" onClick={() => onChange({ filters: {} })}>
          {text.clear}
        </button>
      </li>
    </ul>
  );
}
