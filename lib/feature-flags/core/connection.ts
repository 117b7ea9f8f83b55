import { FlagError } from "./errors.ts";
import type { FlagStorage } from "./storage.ts";

/** A storage, or what opens one on first use. */
export type StorageOption = FlagStorage | (() => Promise<FlagStorage>);

/** Opens the storage when it is first needed, and again at the next need if that failed. */
export class StorageConnection {
  readonly #option: StorageOption;
  #opening: Promise<FlagStorage> | undefined;
  #closed = false;

  constructor(option: StorageOption) {
    this.#option = option;
  }

  /** The open storage. Rejects with what opening it rejects with, or CLOSED. */
  open(): Promise<FlagStorage> {
    if (this.#closed) {
      return Promise.reject(new FlagError("CLOSED", "The flag manager is closed. Make a new one."));
    }
    this.#opening ??= this.#openNow();
    return this.#opening;
  }

  /** Closes the storage if it was opened here; one that was handed over open belongs to its owner. */
  async close(): Promise<void> {
    this.#closed = true;
    if (typeof this.#option !== "function" || this.#opening === undefined) return;
    const [opened] = await Promise.allSettled([this.#opening]);
    if (opened.status === "fulfilled") await opened.value.close();
  }

  async #openNow(): Promise<FlagStorage> {
    try {
      return typeof this.#option === "function" ? await this.#option() : this.#option;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}
