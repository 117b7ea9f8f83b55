import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fileSnapshot } from "../../lib/snapshot/file-snapshot.ts";
import { report } from "../faults/fault-report.ts";
import { chosenSeed, type SeededRandom, seededRandom } from "../faults/seeded-random.ts";
import { recordedLog } from "../feature-flags/recorded-log.ts";
import { sampleSnapshot, temporaryDirectory, writeSealed } from "./sample-snapshot.ts";

const DAMAGES = {
  "cut off": (bytes: Buffer, random: SeededRandom) => bytes.subarray(0, random.below(bytes.length)),
  "bits flipped": (bytes: Buffer, random: SeededRandom) => {
    const damaged = Buffer.from(bytes);
    const places = new Set(Array.from({ length: 1 + random.below(3) }, () => random.below(bytes.length * 8)));
    for (const place of places)
      damaged.writeUInt8(damaged.readUInt8(place >> 3) ^ (1 << (place & 7)), place >> 3);
    return damaged;
  },
  "a part zeroed": (bytes: Buffer, random: SeededRandom) => {
    const from = random.below(bytes.length);
    return Buffer.from(bytes).fill(0, from, Math.min(bytes.length, from + 1 + random.below(4096)));
  },
  "a part missing": (bytes: Buffer, random: SeededRandom) => {
    const from = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(200))]);
  },
  "a line twice": (bytes: Buffer, random: SeededRandom) => {
    const lines = bytes.toString().split("\n").slice(0, -1);
    lines.splice(random.below(lines.length), 0, random.pick(lines));
    return Buffer.from(`${lines.join("\n")}\n`);
  },
  "something after it": (bytes: Buffer, random: SeededRandom) =>
    Buffer.concat([bytes, Buffer.from(random.pick(["\n", " ", "\0", "{}\n"]))]),
} as const;
const KINDS = ["cut off", "bits flipped", "cut off", "bits flipped", ...Object.keys(DAMAGES)];

describe("a damaged snapshot", () => {
  it.each([undefined, "secret"])("is never read: the one before it is, with secret %j", async (secret) => {
    const seed = chosenSeed();
    const random = seededRandom(seed);
    const path = join(await temporaryDirectory(), "flags.snapshot");
    const log = recordedLog();
    const store = fileSnapshot(path, { secret, log });
    const [older, newer] = [sampleSnapshot(1), sampleSnapshot(2)];
    await store.write(older);
    await store.write(newer);
    const [newest, previous] = [await readFile(path), await readFile(`${path}.1`)];
    const counts = { seed, damages: 0, bothDamaged: 0, wrong: [] as string[] };
    const damage = (bytes: Buffer) => {
      const kind = random.pick(KINDS);
      const change = Object.entries(DAMAGES).find(([name]) => name === kind)?.[1];
      if (change === undefined) throw new Error(`${kind} is no damage.`);
      return { kind, bytes: change(bytes, random) };
    };

    for (let round = 0; round < 1_000; round += 1) {
      const done = damage(newest);
      const before = round % 4 === 0 ? damage(previous).bytes : previous;
      await writeFile(path, done.bytes);
      await writeFile(`${path}.1`, before);
      log.lines.length = 0;
      const read = await store.read();
      const expected = before === previous ? older : undefined;
      counts.damages += 1;
      if (expected === undefined) counts.bothDamaged += 1;
      const ignored = expected === undefined ? 2 : 1;
      try {
        expect(read).toEqual(expected);
        expect(log.lines).toHaveLength(ignored);
      } catch (error) {
        counts.wrong.push(`round ${round}, ${done.kind}: ${String(error)}`);
      }
    }
    report(`Damaged snapshots with secret ${secret}`, counts);
    expect(counts).toMatchObject({ damages: 1_000, bothDamaged: 250, wrong: [] });
  });

  it("may be cut off anywhere", async () => {
    const path = join(await temporaryDirectory(), "flags.snapshot");
    const store = fileSnapshot(path, { log: recordedLog() });
    await store.write(sampleSnapshot(1, { customers: 2 }));
    const bytes = await readFile(path);
    for (let length = 0; length < bytes.length; length += 1) {
      await writeFile(path, bytes.subarray(0, length));
      expect(await store.read(), `of ${length} bytes`).toBeUndefined();
    }
  });
});

describe("a snapshot that is sealed and yet says what cannot be", () => {
  const header = (changes: object = {}) =>
    JSON.stringify({
      ...{ strata: "snapshot", format: 2, epoch: "e", revision: 9, takenAt: 1, overrides: 2, memberships: 1 },
      ...{ rollouts: 1, complete: true },
      ...changes,
    });
  const customer: readonly unknown[] = ["customer", "c1", 1, 2, 3, "ada", { on: true }];
  const organization = ["organization", "c1", 1, 2, 3, null, {}];
  const member = ["c1", "o1"];
  const rollout: readonly unknown[] = ["search", 1, 2, 3, "ada", { salt: "s" }];
  const asLines = (rows: readonly unknown[]) =>
    rows.map((row) => (typeof row === "string" ? row : JSON.stringify(row)));
  const lines = (rows: readonly unknown[], changes: object = {}) => [
    header(changes),
    ...asLines([...rows, rollout]),
  ];
  const withCell = (index: number, cell: unknown) =>
    lines([customer.with(index, cell), organization, member]);
  const withRollouts = (...rollouts: readonly unknown[]) => [
    header({ rollouts: rollouts.length }),
    ...asLines([customer, organization, member, ...rollouts]),
  ];

  async function readLines(sealed: readonly string[]) {
    const path = join(await temporaryDirectory(), "flags.snapshot");
    const log = recordedLog();
    await writeSealed(path, sealed);
    return {
      read: await fileSnapshot(path, { log }).read(),
      messages: log.lines.map(({ message }) => message),
    };
  }

  it("is read while nothing of it is wrong", async () => {
    const { read, messages } = await readLines(lines([customer, organization, member]));
    expect(messages).toEqual([]);
    expect(read).toMatchObject({
      ...{ overrides: [{ flags: { on: true } }, {}], memberships: [["c1", "o1"]] },
      rollouts: [
        { featureName: "search", version: 1, revision: 2, updatedBy: "ada", rollout: { salt: "s" } },
      ],
    });
  });

  it("is read where the version before rollouts wrote it, and has none", async () => {
    const counts = { overrides: 2, memberships: 1, complete: true };
    const before = { strata: "snapshot", format: 1, epoch: "e", revision: 9, takenAt: 1, ...counts };
    const { read, messages } = await readLines(asLines([before, customer, organization, member]));
    expect(messages).toEqual([]);
    expect(read).toMatchObject({ revision: 9, overrides: [{}, {}], memberships: [{}], rollouts: [] });
  });

  it.each<[string, readonly string[]]>([
    ["no header", ["{}"]],
    ["a header that is no object", ["[]"]],
    ["a header that is no JSON", ["strata"]],
    ["no format", lines([customer, organization, member], { format: undefined })],
    ["a format of text", lines([customer, organization, member], { format: "1" })],
    ["format 0", lines([customer, organization, member], { format: 0 })],
    ["no word that it is complete", lines([customer, organization, member], { complete: undefined })],
    ["that it is not complete", lines([customer, organization, member], { complete: false })],
    [
      "emptiness that is not complete",
      [header({ overrides: 0, memberships: 0, rollouts: 0, complete: false })],
    ],
    ["rollouts in a format that has none", lines([customer, organization, member], { format: 1 })],
    [
      "a format without the rollouts it has",
      lines([customer, organization, member], { rollouts: undefined }),
    ],
    ["more rollouts than there are", lines([customer, organization, member], { rollouts: 2 })],
    ["no rollouts where there is one", lines([customer, organization, member], { rollouts: 0 })],
    ["a key more", lines([customer, organization, member], { more: 1 })],
    ["an epoch that is a number", lines([customer, organization, member], { epoch: 1 })],
    ["a negative revision", lines([customer, organization, member], { revision: -1 })],
    ["a revision past counting", lines([customer, organization, member], { revision: 2 ** 53 })],
    ["a time past all dates", lines([customer, organization, member], { takenAt: 9e15 })],
    ["more overrides than there are", lines([customer, organization, member], { overrides: 3 })],
    ["fewer overrides than there are", lines([customer, organization, member], { overrides: 1 })],
    ["more memberships than there are", lines([customer, organization, member], { memberships: 2 })],
    ["no memberships where there is one", lines([customer, organization, member], { memberships: 0 })],
    ["counts that are no numbers", lines([customer, organization, member], { overrides: null })],
    ["a tenant twice", lines([customer, customer, member])],
    ["a member twice", lines([customer, organization, member, ["c1", "o2"]], { memberships: 2 })],
    ["an empty line", lines([customer, organization, member, ""], { memberships: 2 })],
    ["a line that is no JSON", lines([customer, "[customer]", member])],
    ["a line that is an object", lines([customer, {}, member])],
    ["a line that never ends", lines([customer.with(6, "x".repeat(3 * 2 ** 20)), organization, member])],
    ["a cell too few", lines([customer.slice(0, 6), organization, member])],
    ["a cell too many", lines([[...customer, 1], organization, member])],
    ["an unknown kind of tenant", withCell(0, "environment")],
    ["an empty id", withCell(1, "")],
    ["an id that is a number", withCell(1, 1)],
    ["an id with a control character", withCell(1, "a\u0007")],
    ["an id too long", withCell(1, "x".repeat(256))],
    ["an id with half a character", withCell(1, "\ud800")],
    ["a version of text", withCell(2, "1")],
    ["half a version", withCell(2, 1.5)],
    ["a negative version", withCell(2, -1)],
    ["no revision", withCell(3, null)],
    ["a time that is text", withCell(4, "now")],
    ["a time past all dates", withCell(4, 9e15)],
    ["an author that is a number", withCell(5, 1)],
    ["a member without an organization", lines([customer, organization, ["c1"]])],
    ["a member of nothing", lines([customer, organization, ["c1", null]])],
    ["a rollout twice", withRollouts(rollout, rollout)],
    ["a rollout's cell too few", withRollouts(rollout.slice(0, 5))],
    ["a rollout's cell too many", withRollouts([...rollout, 1])],
    ["a rollout that is an object", withRollouts({})],
    ["a rollout without a name", withRollouts(rollout.with(0, ""))],
    ["a rollout whose name is a number", withRollouts(rollout.with(0, 1))],
    ["a rollout whose name has a control character", withRollouts(rollout.with(0, "a\u0007"))],
    ["a rollout whose name is too long", withRollouts(rollout.with(0, "x".repeat(256)))],
    ["half a version of a rollout", withRollouts(rollout.with(1, 1.5))],
    ["a rollout's revision of text", withRollouts(rollout.with(2, "2"))],
    ["a rollout's time past all dates", withRollouts(rollout.with(3, 9e15))],
    ["a rollout's author that is a number", withRollouts(rollout.with(4, 1))],
    ["a rollout that never ends", withRollouts(rollout.with(5, "x".repeat(3 * 2 ** 20)))],
  ])("is ignored for %s", async (_, sealed) => {
    const { read, messages } = await readLines(sealed);
    expect(read).toBeUndefined();
    expect(messages).toEqual([expect.stringMatching(/is ignored: (It|Its|Line \d+|The|takenAt) .+\.$/)]);
  });
});
