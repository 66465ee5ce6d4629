/** @file Search as you type: words at once, meaning as soon as there is a model; the latest question wins. */
import type { SearchIndex, SearchResult } from "../src/index.ts";
import { isAborted, isFatal, toFailure } from "./failure.ts";
import { isBlank, keyOf, toQuery, toSearchOptions } from "./question.ts";
import type { Question } from "./question.ts";
import type { Answer, PageState, SearchState } from "./state.ts";
import type { Store } from "./store.ts";

/** Between the repeats of a key held down, not between the keystrokes of a fast typist. */
const DEBOUNCE_MS = 40;
/** Words stand in for a meaning that takes longer than this; sooner they would only flash up. */
const STAND_IN_MS = 150;
/** A library that grows is searched again this often: each time the query goes through the model. */
const REFRESH_MS = 1000;
/** Who has found nothing yet is not to wait for the first passage. */
const FIRST_REFRESH_MS = 100;

/** What a search needs. */
export interface SearchSource {
  /** `null` until the library is open: the question then waits for `refresh`. */
  index(): SearchIndex | null;
  /** Whether texts can be embedded: without, words are all that is searched. */
  hasModel(): boolean;
  /** The model is gone. */
  onFailure(error: unknown): void;
}

/** One search box. */
export class SearchSession {
  readonly #store: Store<PageState>;
  readonly #source: SearchSource;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  #lastTypedMs = -Infinity;

  constructor(store: Store<PageState>, source: SearchSource) {
    this.#store = store;
    this.#source = source;
  }

  /**
   * The question has changed. The first of quick keystrokes is searched for at once, the others when there is a pause.
   *
   * @param askedAtMs - When the visitor did it, on the clock of `performance.now()`.
   */
  ask(question: Question, askedAtMs: number = performance.now()): void {
    this.#stop();
    const isTyped = question.query !== this.#store.get().search.question.query;
    if (isBlank(question)) return this.#update({ question, answer: null, failure: null });
    this.#update({ question });
    const isBurst = isTyped && askedAtMs - this.#lastTypedMs < DEBOUNCE_MS;
    if (isTyped) this.#lastTypedMs = askedAtMs;
    if (isBurst) this.#timer = setTimeout(() => void this.#run(question, askedAtMs), DEBOUNCE_MS);
    else void this.#run(question, askedAtMs);
  }

  /** There is more to find, or a better way to find it: the question is answered anew, soon. */
  refresh(): void {
    const found = this.#store.get().search.answer?.result.hits.length ?? 0;
    this.#refreshTimer ??= setTimeout(() => this.#refreshNow(), found === 0 ? FIRST_REFRESH_MS : REFRESH_MS);
  }

  /** A model has come or gone: the question is answered anew, now. */
  refreshNow(): void {
    clearTimeout(this.#refreshTimer);
    this.#refreshNow();
  }

  /** What stands there is another library's. */
  forget(): void {
    this.#stop();
    this.#update({ answer: null, failure: null });
  }

  /** Nothing comes after this. */
  close(): void {
    this.#stop();
    clearTimeout(this.#refreshTimer);
  }

  #refreshNow(): void {
    this.#refreshTimer = undefined;
    const { question } = this.#store.get().search;
    if (isBlank(question)) return;
    // What is under way may know nothing of what is new; a keystroke's answer is not to be kept waiting.
    if (this.#running !== null || this.#timer !== undefined) return this.refresh();
    void this.#run(question, null);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running?.abort();
    this.#running = null;
  }

  async #run(question: Question, askedAtMs: number | null): Promise<void> {
    this.#timer = undefined;
    const index = this.#source.index();
    if (index === null || !this.#isAnswerable(question)) return this.#wait(question);
    const running = new AbortController();
    this.#running = running;
    const show = (result: SearchResult, isFinal: boolean): void => {
      if (this.#running === running) this.#show({ question, result, isFinal, askedAtMs });
    };
    const standIn = this.#startStandIn(index, question, {
      signal: running.signal,
      show: (result) => show(result, false),
    });
    try {
      const { signal } = running;
      const result = await index.search(toQuery(question), { ...toSearchOptions(question), signal });
      clearTimeout(standIn);
      show(result, true);
    } catch (error) {
      if (this.#running !== running || isAborted(error)) return;
      this.#update({ failure: toFailure(error) });
      if (isFatal(error)) this.#source.onFailure(error);
    } finally {
      clearTimeout(standIn);
      if (this.#running === running) this.#running = null;
    }
  }

  /** A meaning needs a model; a passage has its vector already. */
  #isAnswerable({ mode, like }: Question): boolean {
    return mode !== "semantic" || like !== null || this.#source.hasModel();
  }

  /** Nothing can be said yet: no answer to another question is to stand there meanwhile. */
  #wait(question: Question): void {
    const { answer } = this.#store.get().search;
    if (answer !== null && keyOf(answer.question) !== keyOf(question)) this.#update({ answer: null });
  }

  /** Searches by words alone when the meaning takes its time, as it does on a slow or a busy device. */
  #startStandIn(
    index: SearchIndex,
    question: Question,
    { signal, show }: { readonly signal: AbortSignal; readonly show: (result: SearchResult) => void },
  ): ReturnType<typeof setTimeout> | undefined {
    const { answer } = this.#store.get().search;
    const isAnswered = answer !== null && answer.isFinal && keyOf(answer.question) === keyOf(question);
    if (question.mode !== "hybrid" || question.like !== null || !this.#source.hasModel() || isAnswered)
      return undefined;
    const search = async (): Promise<void> => {
      try {
        const options = toSearchOptions({ ...question, mode: "lexical" });
        show(await index.search(question.query, { ...options, signal }));
      } catch {
        // The search that it stands in for tells what is wrong.
      }
    };
    return setTimeout(() => void search(), STAND_IN_MS);
  }

  #show(answer: Answer): void {
    const { answer: before } = this.#store.get().search;
    // A stand-in that comes late must not push the real answer away.
    const isLate =
      !answer.isFinal && before !== null && before.isFinal && keyOf(before.question) === keyOf(answer.question);
    if (!isLate) this.#update({ answer, failure: null });
  }

  #update(change: Partial<SearchState>): void {
    this.#store.update({ search: { ...this.#store.get().search, ...change } });
  }
}
