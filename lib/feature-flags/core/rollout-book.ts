import type { FlagDefinition } from "./definition.ts";
import type { RolledOut } from "./layers.ts";
import { frozen, withPath } from "./paths.ts";
import type { HeldRollout, UnfitRollout } from "./rollout.ts";
import { parseRolloutRow } from "./rollout-parse.ts";
import { type RolloutSelection, selectRollout } from "./rollout-selection.ts";
import type { RolloutList, StorageState, StoredRollout } from "./storage.ts";
import type { FlagObject, TenantContext } from "./types.ts";

/** What a rollout says about one tenant. */
export interface RolloutVerdict extends RolloutSelection {
  readonly rollout: HeldRollout;
}

/** Whether a change may have changed what this tenant sees. */
export type Concerns = (ids: TenantContext) => boolean;

interface Serving {
  readonly rollout: HeldRollout;
  readonly segments: readonly string[];
}

/** Combinations of rollouts that are kept for the next tenant they serve. */
const MOST_COMBINATIONS = 4_096;

/** All rollouts, in memory: few, replaced whole, and asked without a query. */
export class RolloutBook<C extends object> {
  readonly #definition: FlagDefinition<C>;
  #state: StorageState | undefined;
  #stored: readonly StoredRollout[] = [];
  #held: ReadonlyMap<string, HeldRollout> = new Map();
  #serving: readonly Serving[] = [];
  #unfit: readonly UnfitRollout[] = [];
  #combinations = new Map<string, RolledOut>();

  constructor(definition: FlagDefinition<C>) {
    this.#definition = definition;
  }

  /** The revision that last changed any rollout held here; undefined before the first time they were read. */
  get state(): StorageState | undefined {
    return this.#state;
  }

  /** As storage has them. */
  get stored(): readonly StoredRollout[] {
    return this.#stored;
  }

  /** Rollouts that do not apply because they do not fit the definition, or cannot be read. */
  get unfit(): readonly UnfitRollout[] {
    return this.#unfit;
  }

  get(featureName: string): HeldRollout | undefined {
    return this.#held.get(featureName);
  }

  all(): readonly HeldRollout[] {
    return [...this.#held.values()];
  }

  clear(): void {
    this.#state = undefined;
  }

  /** Takes what storage has, and says whom that concerns; undefined where what is held is as new. */
  put({ epoch, revision, rollouts }: RolloutList): Concerns | undefined {
    if (this.#state?.epoch === epoch && this.#state.revision >= revision) return undefined;
    const held = new Map<string, HeldRollout>();
    const serving: Serving[] = [];
    const unfit: UnfitRollout[] = [];
    for (const stored of rollouts) {
      const parsed = parseRolloutRow(stored);
      if (typeof parsed === "string") {
        unfit.push({ featureName: stored.featureName, message: parsed });
        continue;
      }
      const { version, revision: changedAt } = stored;
      const rollout = Object.freeze({ ...parsed, version, revision: changedAt });
      held.set(stored.featureName, rollout);
      const leaf = this.#definition.leaves.get(rollout.path);
      const flaw =
        leaf === undefined ? "has no such flag (any more)" : this.#definition.flaw(leaf, rollout.value);
      if (leaf === undefined || flaw !== undefined) {
        unfit.push({ featureName: stored.featureName, message: `"${rollout.path}" ${flaw}.` });
      } else if (rollout.status !== "rolled_back") {
        serving.push({ rollout, segments: leaf.segments });
      }
    }
    const concerns = whomConcerns(this.#serving, serving);
    this.#state = { epoch, revision };
    this.#stored = rollouts;
    this.#held = held;
    this.#serving = serving;
    this.#unfit = unfit;
    this.#combinations = new Map();
    return concerns;
  }

  /** What the rollouts give this tenant; undefined for nothing. */
  rolledOut(ids: TenantContext): RolledOut | undefined {
    if (this.#serving.length === 0) return undefined;
    let combination = "";
    for (const { rollout } of this.#serving) combination += selectRollout(rollout, ids).enabled ? "1" : "0";
    if (!combination.includes("1")) return undefined;
    const known = this.#combinations.get(combination);
    if (known !== undefined) return known;
    const made = rolledOutBy(this.#serving.filter((_, index) => combination[index] === "1"));
    if (this.#combinations.size >= MOST_COMBINATIONS) this.#combinations = new Map();
    this.#combinations.set(combination, made);
    return made;
  }

  /** What each rollout of this flag says about the tenant, also those that do not serve it. */
  verdicts(path: string, ids: TenantContext): readonly RolloutVerdict[] {
    return this.all()
      .filter((rollout) => rollout.path === path)
      .map((rollout) => Object.freeze({ ...selectRollout(rollout, ids), rollout }));
  }
}

/** Tenants whom a rollout serves now and did not before, or the other way round, or gives something else. */
function whomConcerns(before: readonly Serving[], after: readonly Serving[]): Concerns {
  const names = new Set([...before, ...after].map(({ rollout }) => rollout.featureName));
  const named = (all: readonly Serving[], name: string) =>
    all.find(({ rollout }) => rollout.featureName === name)?.rollout;
  const changed = [...names]
    .map((name) => ({ old: named(before, name), now: named(after, name) }))
    // By all they hold: in another life of the database the same version may be another rollout.
    .filter(({ old, now }) => JSON.stringify(old) !== JSON.stringify(now));
  const gives = (rollout: HeldRollout | undefined, ids: TenantContext) =>
    rollout !== undefined && selectRollout(rollout, ids).enabled;
  return (ids) =>
    changed.some(({ old, now }) => {
      const isServed = gives(now, ids);
      if (gives(old, ids) !== isServed) return true;
      return (
        isServed && (old?.path !== now?.path || JSON.stringify(old?.value) !== JSON.stringify(now?.value))
      );
    });
}

function rolledOutBy(serving: readonly Serving[]): RolledOut {
  const values = serving.reduce<FlagObject>(
    (made, { rollout, segments }) => withPath(made, segments, rollout.value),
    {},
  );
  return Object.freeze({ values: frozen(values) });
}
