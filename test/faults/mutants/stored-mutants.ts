import type { FlagStorage, TenantRef } from "../../../lib/feature-flags/core/storage.ts";
import {
  type FeatureFlagManager,
  type FlagErrorCode,
  isFlagError,
} from "../../../lib/feature-flags/index.ts";
import { seededRandom } from "../seeded-random.ts";
import { type Answers, bytesOf, mutantManager, preloadedAnswers, readAnswers } from "./all-answers.ts";
import type { MutableDatabase } from "./mutable-database.ts";
import {
  isSound,
  LEAF_PATHS,
  type MutantFlags,
  type MutantVariant,
  unsoundLeaves,
  VARIANTS,
} from "./mutant-flags.ts";
import { contextOf, type Population, populate, tenantKey } from "./population.ts";
import { rememberedReads } from "./remembered-reads.ts";
import { hugeMutant, type Mutant, nextMutant } from "./row-mutations.ts";

export interface StoredMutantsOptions {
  readonly mutants: number;
  readonly seed: number;
  readonly storage: FlagStorage;
  readonly openDatabase: () => Promise<MutableDatabase>;
  /** Whether every mutant is read in all variants, or they take turns. */
  readonly variants: "all" | "in turn";
  /** After how many mutants there is one of 100 MiB; without it there is none. */
  readonly hugeEvery?: number;
}

export interface StoredMutantsFigures {
  readonly seed: number;
  readonly mutants: number;
  /** Changes the database itself refused. */
  readonly refused: number;
  /** Mutants of which parts had to be left out, under any variant. */
  readonly mismatched: number;
  readonly evaluations: number;
  /** Mutants whose tenant a write through a manager has reached. */
  readonly repaired: number;
  /** How many it refused, by the code: what is too large to be stored again, for one. */
  readonly unrepaired: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

interface UnderTest {
  readonly variant: MutantVariant;
  readonly manager: FeatureFlagManager<MutantFlags>;
  /** Each tenant's answer before anything was changed. */
  readonly baseline: ReadonlyMap<string, string>;
}

/** Every so many mutants the tenant is written to through a manager. */
const REPAIR_EVERY = 4;

/**
 * Rows changed by hand, one mutant after the other. With each in place every tenant is evaluated, from storage and
 * preloaded: none throws, the tenants that do not depend on the row get the very same bytes as before, and what does
 * not fit is left out, counted and listed.
 */
export async function readStoredMutants(options: StoredMutantsOptions): Promise<StoredMutantsFigures> {
  const { mutants, seed, storage, hugeEvery = Number.POSITIVE_INFINITY } = options;
  const random = seededRandom(seed);
  const population = await populate(storage, random);
  const reads = rememberedReads(storage);
  const tests = await Promise.all(VARIANTS.map((variant) => begin(variant, reads.storage, population)));
  const database = await options.openDatabase();
  const figures = { seed, mutants, refused: 0, mismatched: 0, evaluations: 0, repaired: 0 };
  const unrepaired: Record<string, number> = {};
  const problems: string[] = [];
  try {
    for (let number = 1; number <= mutants; number += 1) {
      const mutant =
        number % hugeEvery === 0 ? hugeMutant(population, random) : nextMutant(population, random);
      if ((await database.mutate(mutant.rows)) === "refused") {
        figures.refused += 1;
        continue;
      }
      const found: string[] = [];
      try {
        const stored = await storedFlags(database, mutant);
        let isMismatched = false;
        reads.forget();
        for (const [index, test] of tests.entries()) {
          if (options.variants === "in turn" && index !== number % tests.length) continue;
          const judged = await judge(test, reads.storage, population, mutant, stored);
          isMismatched ||= judged.isMismatched;
          figures.evaluations += judged.evaluations;
          found.push(...judged.problems.map((problem) => `${test.variant.name}: ${problem}`));
        }
        figures.mismatched += isMismatched ? 1 : 0;
        if (number % REPAIR_EVERY === 0 && mutant.owner !== undefined) {
          const outcome = await repair(random.pick(tests).variant, storage, mutant.owner);
          if ("problem" in outcome) found.push(outcome.problem);
          else if (outcome.refused === undefined) figures.repaired += 1;
          else unrepaired[outcome.refused] = (unrepaired[outcome.refused] ?? 0) + 1;
        }
      } finally {
        await database.undo();
      }
      problems.push(
        ...found.slice(0, 3).map((problem) => `mutant ${number} (${described(mutant)}): ${problem}`),
      );
    }
    reads.forget();
    for (const test of tests) problems.push(...(await differences(test, population)));
  } finally {
    for (const { manager } of tests) await manager.close();
    await database.close();
  }
  return { ...figures, unrepaired, problems };
}

async function begin(
  variant: MutantVariant,
  storage: FlagStorage,
  population: Population,
): Promise<UnderTest> {
  const manager = mutantManager(variant, storage);
  const answers = await readAnswers(manager, population);
  return { variant, manager, baseline: new Map([...answers].map(([key, answer]) => [key, bytesOf(answer)])) };
}

/** The flags of the rows of a mutant that changes any, as the database now says them. */
async function storedFlags(
  database: MutableDatabase,
  { rows }: Mutant,
): Promise<ReadonlyMap<string, string>> {
  const flags = new Map<string, string>();
  for (const { table, key, column } of rows) {
    const text = column === "flags" ? await database.flagsOf(table, key) : undefined;
    if (text === undefined) continue;
    flags.set(`${table === "customer_feature_flags" ? "customer" : "organization"} ${key}`, text);
  }
  return flags;
}

async function judge(
  { variant, manager, baseline }: UnderTest,
  storage: FlagStorage,
  population: Population,
  { affected, owner }: Mutant,
  stored: ReadonlyMap<string, string>,
): Promise<{ evaluations: number; isMismatched: boolean; problems: readonly string[] }> {
  const problems: string[] = [];
  const counted = manager.getStats().mismatches;
  const read = await readAnswers(manager, population);
  const preloaded = await preloadedAnswers(variant, storage, population);
  for (const [key, answer] of read) {
    const bytes = bytesOf(answer);
    if (answer instanceof Error) problems.push(`${key} threw ${String(answer)}`);
    else if (affected.has(key)) problems.push(...unsound(variant, key, answer));
    else if (bytes !== baseline.get(key)) problems.push(`${key} sees ${bytes}, before ${baseline.get(key)}`);
    if (bytes !== bytesOf(preloaded.get(key))) {
      problems.push(`${key} sees ${bytes}, preloaded ${bytesOf(preloaded.get(key))}`);
    }
  }
  const ailing = await ailingTenants(manager);
  for (const key of ailing.keys()) {
    if (!affected.has(key)) problems.push(`${key} is listed as ailing and is sound`);
  }
  let isMismatched = false;
  for (const [key, text] of stored) {
    const fits = isSoundText(variant, text);
    isMismatched ||= !fits;
    const seen = mismatchesOf(read, key);
    if (fits !== (seen === 0))
      problems.push(`${key} has ${seen} mismatches, and its row ${fits ? "fits" : "does not"}`);
    if (fits === (ailing.get(key) ?? false))
      problems.push(`${key} is${fits ? "" : " not"} listed for mismatches`);
  }
  if (isMismatched && manager.getStats().mismatches === counted) problems.push("the mismatch is not counted");
  if (owner !== undefined) {
    const explained = await manager.explain(contextOf(owner));
    if (explained.length !== LEAF_PATHS.length) problems.push(`explain lists ${explained.length} flags`);
  }
  return { evaluations: 2 * population.tenants.length, isMismatched, problems };
}

function unsound(
  variant: MutantVariant,
  key: string,
  answer: Exclude<ReturnType<Answers["get"]>, Error | undefined>,
) {
  for (const path of LEAF_PATHS) answer.sourceOf(path);
  return unsoundLeaves(variant, answer.config).map((path) => `${key} is served an unsound ${path}`);
}

function mismatchesOf(answers: Answers, key: string): number {
  const answer = answers.get(key);
  return answer === undefined || answer instanceof Error ? 0 : answer.mismatches.length;
}

/** The tenants that the manager lists, and whether for mismatches. */
async function ailingTenants(
  manager: FeatureFlagManager<MutantFlags>,
): Promise<ReadonlyMap<string, boolean>> {
  const found = new Map<string, boolean>();
  for await (const { tenant, mismatches } of manager.ailingOverrides()) {
    found.set(tenantKey(tenant), mismatches.length > 0);
  }
  return found;
}

function isSoundText(variant: MutantVariant, text: string): boolean {
  try {
    return isSound(variant, JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** One write to the tenant through a manager that has everything in memory: it is seen, or refused with a code. */
async function repair(
  variant: MutantVariant,
  storage: FlagStorage,
  owner: TenantRef,
): Promise<{ readonly refused: FlagErrorCode | undefined } | { readonly problem: string }> {
  const manager = mutantManager(variant, storage, true);
  try {
    await manager.ready();
    await manager.updateOverride(owner, { set: { plan: "repaired" } });
    const preloaded = manager.peek(contextOf(owner));
    const read = await manager.getFlags(contextOf(owner), { fresh: true });
    const seen = [preloaded, read].map((answer) => answer?.config.plan);
    if (seen.every((plan) => plan === "repaired")) return { refused: undefined };
    return { problem: `after a write the tenant sees ${seen.join(", ")}` };
  } catch (error) {
    // What is too deep or too large to be stored again has to be cleared by hand, as it was put there.
    if (isFlagError(error, "INVALID_PATCH") || isFlagError(error, "PATCH_TOO_LARGE")) {
      return { refused: error.code };
    }
    return { problem: `a write failed with ${String(error)}` };
  } finally {
    await manager.close();
  }
}

async function differences(
  { variant, manager, baseline }: UnderTest,
  population: Population,
): Promise<string[]> {
  const answers = await readAnswers(manager, population);
  return [...answers]
    .filter(([key, answer]) => bytesOf(answer) !== baseline.get(key))
    .map(([key]) => `${variant.name}: ${key} is not as before after all mutants`);
}

function described({ rows }: Mutant): string {
  return rows
    .map(
      ({ what, table, key, column, value }) =>
        `${what}: ${table}.${column ?? "*"} of ${key} = ${brief(value)}`,
    )
    .join(" and ");
}

function brief(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length <= 120 ? text : `${text.slice(0, 100)}… (${text.length})`;
}
