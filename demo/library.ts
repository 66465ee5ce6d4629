/** @file The page's library: the search index, what comes into it and goes out of it, and what of that the store is told. */
import { createSearchIndex, EmbedError } from "../src/index.ts";
import type {
  AddProgress,
  Embedder,
  SearchDocument,
  SearchIndex,
  SearchIndexStatus,
  ViewOptions,
} from "../src/index.ts";
import { isAborted, toFailure } from "./failure.ts";
import { Importer } from "./import/importer.ts";
import type { ImportRefusal, ImportSource } from "./import/outcome.ts";
import {
  recallView,
  rememberSampled,
  rememberStopped,
  rememberView,
  wasSampled,
  wasStopped,
} from "./library-memory.ts";
import type { Memory } from "./library-memory.ts";
import { libraryNameFor, recallPassages, rememberPassages } from "./panels/passage-choice.ts";
import type { PassageChoice } from "./panels/passage-choice.ts";
import { fetchLibrary, fetchSamples } from "./sample.ts";
import type { SampleLibrary } from "./sample.ts";
import type { ImportReport, PageState, Transfer } from "./state.ts";
import type { Store } from "./store.ts";

/** How the page's index is opened; half the space, and no rank of it changes that anyone would notice. */
export const LIBRARY = { name: "library", stored: "float16" } as const;

/** Thousands of documents take a moment to list: not at each of them. */
const LIST_MS = 500;

export interface LibraryOptions {
  readonly store: Store<PageState>;
  /** `null`: in memory only. */
  readonly name: string | null;
  /** Where samples are. */
  readonly baseUrl: string;
  readonly memory: Memory | null;
  /** There is more to find. */
  readonly onGrowth: () => void;
}

/** What can be searched. No call rejects but `open`; what fails goes to the store. */
export class Library {
  readonly #options: LibraryOptions;
  readonly #store: Store<PageState>;
  readonly #importer = new Importer();
  #index: SearchIndex | null = null;
  #opening: Promise<void> | null = null;
  #embedder: Embedder | null = null;
  #listTimer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  /** Nothing is in it but what this visit brought. */
  #isFresh = false;

  constructor(options: LibraryOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#store.update({
      stopped: wasStopped(options.memory),
      vectorView: recallView(options.memory),
      passages: recallPassages(options.memory),
    });
  }

  /** `null` until it is open. */
  get index(): SearchIndex | null {
    return this.#index;
  }

  /** Opens what is kept in this browser; where that cannot be, an empty library that lasts as long as the page. */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** From here on this model embeds; `null`: none. A library of another model's vectors is then searched by words. */
  async use(embedder: Embedder | null): Promise<void> {
    this.#embedder = embedder;
    this.#store.update({ mismatch: false });
    try {
      if (embedder !== null) await this.open();
      await this.#index?.use(embedder);
    } catch (error) {
      if (this.#embedder !== embedder) return;
      if (!isMismatch(error)) return this.#fail(error);
      // What came with the page a moment ago is nothing to ask about.
      if (this.#isFresh) return this.reindex();
      this.#store.update({ mismatch: true });
    }
  }

  /** Drops another model's vectors and makes them anew with the present one. */
  async reindex(): Promise<void> {
    this.#isFresh = false;
    try {
      await this.#index?.forgetVectors();
    } catch (error) {
      return this.#fail(error);
    }
    await this.use(this.#embedder);
    this.#options.onGrowth();
  }

  /** Takes the built-in library in on the first visit; tells of the others. */
  async addSamples(): Promise<void> {
    const { libraries, state } = await fetchSamples(this.#options.baseUrl);
    this.#store.update({ libraries });
    const builtIn = libraries.filter((library) => library.builtIn);
    const isFirst = !wasSampled(this.#options.memory);
    this.#isFresh = isFirst && this.#index?.status.documents === 0;
    const taken = isFirst ? Promise.all(builtIn.map((library) => this.#addLibrary(library))) : Promise.resolve([]);
    // Only now that they count as arriving, so that the page is not called ready before.
    this.#store.update({ sample: state });
    if ((await taken).every(Boolean) && builtIn.length > 0) rememberSampled(this.#options.memory);
  }

  /** Takes in a library that comes with the page. */
  async addSampleLibrary(id: string): Promise<void> {
    const library = this.#store.get().libraries.find((candidate) => candidate.id === id);
    if (library) await this.#addLibrary(library);
  }

  /** Reads sources one after the other and takes in what is in them; each is reported. */
  async addSources(sources: readonly ImportSource[]): Promise<void> {
    const added: Promise<boolean>[] = [];
    for (const source of sources) {
      const outcome = await this.#whileArriving(() => this.#importer.read(source));
      if ("refused" in outcome) {
        this.reportRefusals([outcome]);
        continue;
      }
      this.#report({ name: outcome.name, outcome: outcome.documents.length, detail: null });
      added.push(this.#add(outcome.documents));
    }
    await Promise.all(added);
  }

  /** Of what could not even be read. */
  reportRefusals(refusals: readonly ImportRefusal[]): void {
    for (const { name, refused, detail } of refusals) this.#report({ name, outcome: refused, detail });
  }

  async removeDocuments(ids: readonly string[]): Promise<void> {
    await this.#do(null, (index) => index.remove(ids));
  }

  /** A document as it was added; `null` where there is none of this id. */
  async read(id: string): Promise<SearchDocument | null> {
    return this.#do(null, (index) => index.document(id));
  }

  /** Everything in one file; `null` where that failed. */
  async exportLibrary(): Promise<Blob | null> {
    return this.#do({ kind: "export", name: "" }, (index, onProgress) => index.export({ onProgress }));
  }

  /** Takes in what `exportLibrary` made; of another model's library the texts alone. */
  async importLibrary(file: Blob): Promise<void> {
    await this.#import(file, { kind: "import", name: file instanceof File ? file.name : "" });
  }

  pause(): void {
    this.#index?.pause();
  }

  resume(): void {
    this.#setStopped(false);
    this.#index?.resume();
  }

  /** A pause that lasts over visits. */
  stop(): void {
    this.#setStopped(true);
    this.#index?.pause();
  }

  /** What vectors look like in memory, in later visits too. */
  async configure(view: ViewOptions): Promise<void> {
    this.#store.update({ vectorView: view });
    rememberView(view, this.#options.memory);
    await this.#do(null, (index) => index.configure(view));
    this.#options.onGrowth();
  }

  /** Another tab may have written meanwhile. */
  async catchUp(): Promise<void> {
    if (this.#index?.status.readOnly) await this.#do(null, (index) => index.load());
  }

  /** Splits what comes from now on in another way; nothing happens while something is in the library. */
  async split(passages: PassageChoice): Promise<void> {
    const { index, arriving } = this.#store.get();
    if (index?.documents !== 0 || arriving > 0) return;
    rememberPassages(passages, this.#options.memory);
    this.#index?.dispose();
    this.#index = null;
    this.#opening = null;
    this.#store.update({ passages, index: null });
    try {
      await this.open();
    } catch (error) {
      return this.#fail(error);
    }
    await this.use(this.#embedder);
  }

  dismissFailure(): void {
    this.#store.update({ libraryFailure: null });
  }

  /** What was kept stays. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#listTimer);
    this.#importer.dispose();
    this.#index?.dispose();
    this.#index = null;
  }

  async #open(): Promise<void> {
    const { name } = this.#options;
    const { passages } = this.#store.get();
    const openAs = (as: string | null): Promise<SearchIndex> =>
      createSearchIndex({
        ...LIBRARY,
        name: as && libraryNameFor(as, passages),
        passages,
        view: this.#store.get().vectorView,
        onStatus: (status) => this.#follow(status),
      });
    let index: SearchIndex;
    try {
      index = await openAs(name);
    } catch (error) {
      if (name === null) throw error;
      this.#store.update({ unkept: toFailure(error) });
      index = await openAs(null);
    }
    if (this.#isClosed) return index.dispose();
    this.#index = index;
    if (this.#store.get().stopped) index.pause();
    this.#follow(index.status);
  }

  #follow(index: SearchIndexStatus): void {
    // The first status may come before the index itself.
    if (this.#isClosed || this.#index === null) return;
    const before = this.#store.get().index;
    this.#store.update({ index });
    const has = (count: keyof SearchIndexStatus & ("documents" | "passages" | "vectors" | "lexicalReady")): boolean =>
      before?.[count] !== index[count];
    if (has("documents") || has("vectors") || has("lexicalReady")) this.#options.onGrowth();
    if (has("documents") || (before?.indexing.state === "working" && index.indexing.state !== "working")) this.#list();
  }

  #list(): void {
    this.#listTimer ??= setTimeout(() => {
      this.#listTimer = undefined;
      void this.#do(null, (index) => index.documents()).then((documents) => {
        if (documents !== null) this.#store.update({ documents });
      });
    }, LIST_MS);
  }

  async #addLibrary(library: SampleLibrary): Promise<boolean> {
    const file = await this.#whileArriving(async () => {
      try {
        return await fetchLibrary(library, this.#options.baseUrl);
      } catch (error) {
        this.#fail(error);
        return null;
      }
    });
    return file !== null && this.#import(file, { kind: "sample", name: library.title });
  }

  async #import(file: Blob, transfer: Pick<Transfer, "kind" | "name">): Promise<boolean> {
    const result = await this.#whileArriving(() =>
      this.#do(transfer, async (index, onProgress) => {
        try {
          return await index.import(file, { onProgress });
        } catch (error) {
          if (!isMismatch(error)) throw error;
          // Its texts are as good as any: the present model embeds them.
          return index.import(file, { onProgress, vectors: "drop" });
        }
      }),
    );
    return result !== null;
  }

  async #add(documents: readonly SearchDocument[]): Promise<boolean> {
    return (await this.#whileArriving(() => this.#do(null, (index) => index.add(documents)))) !== null;
  }

  /** @returns `null` where it failed; why is in the store. */
  async #do<T>(
    transfer: Pick<Transfer, "kind" | "name"> | null,
    work: (index: SearchIndex, onProgress: (progress: AddProgress) => void) => Promise<T>,
  ): Promise<T | null> {
    const show = (doneDocuments: number, totalDocuments: number): void => {
      if (transfer) this.#store.update({ transfer: { ...transfer, doneDocuments, totalDocuments } });
    };
    try {
      await this.open();
      if (this.#index === null) return null;
      show(0, 0);
      return await work(this.#index, (progress) => show(progress.doneDocuments, progress.totalDocuments));
    } catch (error) {
      if (!this.#isClosed) this.#fail(error);
      return null;
    } finally {
      if (transfer) this.#store.update({ transfer: null });
    }
  }

  async #whileArriving<T>(work: () => Promise<T>): Promise<T> {
    this.#store.update({ arriving: this.#store.get().arriving + 1 });
    try {
      return await work();
    } finally {
      this.#store.update({ arriving: this.#store.get().arriving - 1 });
    }
  }

  #report(report: ImportReport): void {
    this.#store.update({ imports: [report, ...this.#store.get().imports] });
  }

  #setStopped(stopped: boolean): void {
    rememberStopped(stopped, this.#options.memory);
    this.#store.update({ stopped });
  }

  #fail(error: unknown): void {
    if (!isAborted(error)) this.#store.update({ libraryFailure: toFailure(error) });
  }
}

function isMismatch(error: unknown): boolean {
  return error instanceof EmbedError && error.code === "index-mismatch";
}
