import type { FeedEvent, FeedNotice, StorageState } from "./storage.ts";

/** Past so many the tables are asked instead. */
const MOST = 10_000;

/**
 * What a storage has told of, before its tables were asked. It is applied as it comes, where nothing is missing
 * before it; and remembered until the tables have said the same, for anybody may be able to send a notice.
 */
export class ToldChanges {
  #waiting: FeedNotice[] = [];
  #hasDropped = false;
  /** Without gaps, since the tables were last asked. */
  #applied: FeedEvent[] = [];

  /** Whether anything was told that was not taken yet. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0 || this.#hasDropped;
  }

  add(notice: FeedNotice): void {
    if (this.#waiting.length < MOST) this.#waiting.push(notice);
    else this.#hasDropped = true;
  }

  /** Takes what follows on `state`. `isCertain` is false where the tables have to be asked for more. */
  take({ epoch, revision }: StorageState): { events: readonly FeedEvent[]; isCertain: boolean } {
    const waiting = this.#waiting;
    const hasDropped = this.#hasDropped;
    this.#waiting = [];
    this.#hasDropped = false;
    const events: FeedEvent[] = [];
    for (const notice of waiting) {
      const next = revision + events.length + 1;
      if (notice.epoch === epoch && notice.revision < next) continue;
      if (notice.epoch !== epoch || notice.revision > next) return { events, isCertain: false };
      events.push(notice);
    }
    return { events, isCertain: !hasDropped && this.#applied.length + events.length <= MOST };
  }

  /** These have been applied. */
  remember(events: readonly FeedEvent[]): void {
    this.#applied.push(...events);
  }

  /** Those of the tables' events that were not told of, or told of otherwise. */
  unapplied(events: readonly FeedEvent[]): readonly FeedEvent[] {
    const first = this.#applied[0]?.revision;
    if (first === undefined) return events;
    return events.filter(({ revision, scope, id }) => {
      const told = this.#applied[revision - first];
      return told?.scope !== scope || told.id !== id;
    });
  }

  /** The tables have told everything up to `revision`. */
  confirmed(revision: number): void {
    this.#applied = this.#applied.filter((event) => event.revision > revision);
  }

  clear(): void {
    this.#waiting = [];
    this.#hasDropped = false;
    this.#applied = [];
  }
}
