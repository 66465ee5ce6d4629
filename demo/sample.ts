/** @file The libraries that come with the page: which there are, their files, and questions to begin with. */

const FOLDER = "samples/";
const LIBRARIES = `${FOLDER}libraries.json`;

/** A library that is ready to be searched, vectors included. */
export interface SampleLibrary {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly licence: string;
  /** Name of the index file, beside the list. */
  readonly file: string;
  readonly documents: number;
  readonly passages: number;
  readonly bytes: number;
  /** Embedding-space id of its vectors. */
  readonly space: string;
  readonly questions: readonly string[];
  /** Whether the page has it from the first visit on. */
  readonly builtIn: boolean;
}

/** What is said of them. */
export interface SampleState {
  readonly licence: string | null;
  readonly failure: string | null;
}

/** What comes with the page; never rejects: without it the page still takes files. */
export async function fetchSamples(
  baseUrl: string,
): Promise<{ readonly libraries: readonly SampleLibrary[]; readonly state: SampleState }> {
  try {
    const libraries = await fetchJson<readonly SampleLibrary[]>(LIBRARIES, baseUrl);
    const builtIn = libraries.find((library) => library.builtIn);
    return {
      libraries,
      state: { licence: builtIn?.licence ?? null, failure: null },
    };
  } catch (error) {
    return { libraries: [], state: { licence: null, failure: String(error) } };
  }
}

/** Two rows of chips on a wide screen. */
const MAX_SUGGESTIONS = 6;

/**
 * Questions to begin with: of each library that is there in turn.
 *
 * @param present - Titles of libraries that have documents in the index; none: what the page begins with.
 */
export function suggestedQuestions(libraries: readonly SampleLibrary[], present: ReadonlySet<string>): string[] {
  const there = libraries.filter(({ title, builtIn }) => (present.size > 0 ? present.has(title) : builtIn));
  const longest = Math.max(0, ...there.map(({ questions }) => questions.length));
  const inTurn = Array.from({ length: longest }, (_, i) => there.flatMap(({ questions }) => questions[i] ?? []));
  return inTurn.flat().slice(0, MAX_SUGGESTIONS);
}

/** @throws {Error} Where the server does not have it. */
export async function fetchLibrary({ file }: SampleLibrary, baseUrl: string): Promise<Blob> {
  return (await fetchFile(FOLDER + file, baseUrl)).blob();
}

async function fetchJson<T>(path: string, baseUrl: string): Promise<T> {
  return (await (await fetchFile(path, baseUrl)).json()) as T;
}

async function fetchFile(path: string, baseUrl: string): Promise<Response> {
  const response = await fetch(new URL(path, baseUrl));
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
  return response;
}
