/** @file The map's tab: its code is fetched when it is first looked at. */
import type { ComponentType } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { FailureText } from "./failure-card.tsx";
import { toFailure } from "./failure.ts";
import type { MapPlaces } from "./map-places.ts";
import type { LibraryMapProps } from "./panels/library-map.tsx";
import { isIndexing } from "./state.ts";
import type { Failure, PageState } from "./state.ts";
import { strings } from "./strings.ts";

const NO_VECTORS = { vectors: 0, space: null };

interface MapTabProps {
  readonly places: MapPlaces;
  readonly state: PageState;
}

/** The map of the library with the hits of the search. */
export function MapTab({ places, state }: MapTabProps) {
  const [LibraryMap, failure] = useLibraryMap();
  const subjects = useMemo(
    () =>
      new Map(state.documents.map(({ id, metadata }) => [id, String(metadata["subject"] ?? metadata["source"] ?? "")])),
    [state.documents],
  );
  if (failure) return <FailureText failure={failure} />;
  if (LibraryMap === null) return <p class="nothing">{strings.results.soonTitle}</p>;
  return (
    <LibraryMap
      cartographer={places.cartographer}
      counts={state.index ?? NO_VECTORS}
      isGrowing={isIndexing(state)}
      subjectOf={(documentId) => subjects.get(documentId) ?? ""}
      describe={(passage) => places.describe(passage)}
      onOpen={(passage) => void places.open(passage)}
      findAlike={places.findAlike}
      hits={state.search.answer?.result.hits ?? []}
    />
  );
}

function useLibraryMap(): readonly [ComponentType<LibraryMapProps> | null, Failure | null] {
  const [component, setComponent] = useState<{ readonly of: ComponentType<LibraryMapProps> } | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  useEffect(() => {
    import("./panels/library-map.tsx").then(
      ({ LibraryMap }) => setComponent({ of: LibraryMap }),
      (error: unknown) => setFailure(toFailure(error)),
    );
  }, []);
  return [component?.of ?? null, failure];
}
