import { mergeFlags } from "../lib/feature-flags/index.ts";
import { wideDefinition } from "./population.ts";
import { timeInRounds } from "./rounds.ts";

/** Merges a 100-leaf override into a 1,000-leaf config of 50 branches, once in 5 branches and once in all 50. */
const { defaults } = wideDefinition(50, 20);
const flags = (count: number): Record<string, boolean> =>
  Object.fromEntries(Array.from({ length: count }, (_, flag) => [`flag${flag}`, true]));
const inGroups = (groups: number): Record<string, Record<string, boolean>> =>
  Object.fromEntries(Array.from({ length: groups }, (_, group) => [`group${group}`, flags(100 / groups)]));
const [narrow, broad] = [inGroups(5), inGroups(50)];
const text = JSON.stringify(defaults);

const repeat = (operations: number, once: () => object) => ({
  operations,
  run: () => {
    let sum = 0;
    for (let at = 0; at < operations; at += 1) sum += Object.keys(once()).length;
    return sum;
  },
});

const timings = await timeInRounds(
  [
    { name: "JSON.parse of the whole config", ...repeat(50, () => JSON.parse(text)) },
    { name: "merge, 100 leaves in 5 branches", ...repeat(50, () => mergeFlags(defaults, narrow)) },
    { name: "merge, 100 leaves in 50 branches", ...repeat(50, () => mergeFlags(defaults, broad)) },
  ],
  21,
);
const merged: Record<string, unknown> = mergeFlags(defaults, narrow);
const shared = Object.keys(defaults).filter(
  (group) => merged[group] === Object.entries(defaults).find(([name]) => name === group)?.[1],
);
process.stdout.write(`${JSON.stringify({ timings, sharedBranches: shared.length, branches: 50 })}\n`);
