import assert from "node:assert/strict";
import type { FlagStorage, InstanceReport } from "../../feature-flags/core/storage.ts";
import { known } from "./checks.ts";
import { caseNeeding, contractCase, topic } from "./contract-case.ts";
import { HOSTILE_IDS } from "./hostile-ids.ts";
import { wholeState } from "./whole-state.ts";
import { customer, put, WRITTEN_AT } from "./writes.ts";

export const instances = topic("instances", [
  contractCase("an instance's report is listed as it is", async (storage) => {
    assert.deepEqual(await storage.listInstances(0), []);
    for (const id of HOSTILE_IDS) await storage.reportInstance(report({ id }));
    await storage.reportInstance(report({ id: "~ without pid", pid: undefined }));
    const listed = (await storage.listInstances(0)).map(({ host: _, ...record }) => known(record));
    const expected = [
      ...HOSTILE_IDS.map((id) => report({ id })),
      report({ id: "~ without pid", pid: undefined }),
    ];
    assert.deepEqual(new Set(listed), new Set(expected.map(known)));
    assert.equal(listed.length, expected.length);
  }),

  contractCase("instances are listed by id, those seen at the moment asked for or later", async (storage) => {
    const seen = { c: 3, "\u{1f600}": 2, a: 1, "\uff21": 3, B: 2 };
    for (const [id, after] of Object.entries(seen)) {
      await storage.reportInstance(report({ id, seenAt: WRITTEN_AT + after }));
    }
    assert.deepEqual(await ids(storage, WRITTEN_AT + 1), ["B", "a", "c", "\uff21", "\u{1f600}"]);
    assert.deepEqual(await ids(storage, WRITTEN_AT + 2), ["B", "c", "\uff21", "\u{1f600}"]);
    assert.deepEqual(await ids(storage, WRITTEN_AT + 3), ["c", "\uff21"]);
    assert.deepEqual(await ids(storage, WRITTEN_AT + 4), []);
  }),

  contractCase("the last report of an instance wins, by when it was seen", async (storage) => {
    const steps: readonly (readonly [Partial<InstanceReport>, taken: boolean])[] = [
      [{ revision: 5, seenAt: WRITTEN_AT }, true],
      [{ revision: 7, seenAt: WRITTEN_AT - 1 }, false],
      [{ revision: 4, seenAt: WRITTEN_AT }, false],
      [{ revision: 6, seenAt: WRITTEN_AT }, true],
      [{ revision: 1, seenAt: WRITTEN_AT, epoch: "restored" }, true],
      [{ revision: 0, seenAt: WRITTEN_AT + 1, epoch: "restored", version: "2.0.0", pid: 8 }, true],
    ];
    let expected: InstanceReport | undefined;
    for (const [change, taken] of steps) {
      await storage.reportInstance(report(change));
      if (taken) expected = report(change);
      const [listed, ...others] = await storage.listInstances(0);
      assert.deepEqual(others, []);
      const { host: _, ...record } = listed ?? { host: undefined };
      assert.deepEqual(known(record), known(expected), JSON.stringify(change));
    }
  }),

  contractCase("removing takes the named instance away, and those not seen since", async (storage) => {
    for (const [id, after] of Object.entries({ a: 1, b: 2, c: 3, d: 4 })) {
      await storage.reportInstance(report({ id, seenAt: WRITTEN_AT + after }));
    }
    await storage.removeInstances("d", WRITTEN_AT + 2);
    assert.deepEqual(await ids(storage, 0), ["b", "c"]);
    await storage.removeInstances("unknown", 0);
    assert.deepEqual(await ids(storage, 0), ["b", "c"]);
    await storage.reportInstance(report({ id: "d", revision: 0, seenAt: WRITTEN_AT }));
    assert.deepEqual(await ids(storage, 0), ["b", "c", "d"], "a removed instance may come back");
  }),

  contractCase("a report is no change: revision, feed and audit trail stay as they are", async (storage) => {
    await put(storage, customer("cust_1"), { beta: true });
    const before = await wholeState(storage);
    await storage.reportInstance(report({}));
    await storage.reportInstance(report({ revision: 9 }));
    await storage.removeInstances("one", WRITTEN_AT);
    assert.deepEqual(await wholeState(storage), before);
  }),

  caseNeeding(
    ["another"],
    "what one storage reports, another lists, and may take away",
    async (storage, harness) => {
      const other = await harness.another();
      await storage.reportInstance(report({ id: "here" }));
      await other.reportInstance(report({ id: "there" }));
      assert.deepEqual(await storage.listInstances(0), await other.listInstances(0));
      assert.deepEqual(await ids(storage, 0), ["here", "there"]);
      await other.removeInstances("here", 0);
      assert.deepEqual(await ids(storage, 0), ["there"]);
    },
  ),

  caseNeeding(
    ["another"],
    "of reports made at once through both, the last one stays",
    async (storage, harness) => {
      const other = await harness.another();
      const order = Array.from({ length: 60 }, (_, n) => (n * 37) % 60);
      await Promise.all(
        order.map((n) =>
          (n % 2 === 0 ? storage : other).reportInstance(report({ revision: n, seenAt: WRITTEN_AT + n })),
        ),
      );
      const [listed] = await other.listInstances(0);
      assert.deepEqual([listed?.revision, listed?.seenAt], [59, WRITTEN_AT + 59]);
    },
  ),

  caseNeeding(["queries"], "a report and a listing take one query each", async (storage, harness) => {
    // A transaction around the one statement is the storage's own affair.
    const queries = async (run: () => Promise<unknown>) => {
      const before = harness.queries();
      await run();
      return harness.queries() - before;
    };
    assert.ok((await queries(() => storage.reportInstance(report({})))) <= 3);
    assert.equal(await queries(() => storage.listInstances(0)), 1);
  }),
]);

export function report(details: Partial<InstanceReport>): InstanceReport {
  return { id: "one", pid: 7, version: "1.2.3", epoch: "first", revision: 5, seenAt: WRITTEN_AT, ...details };
}

async function ids(storage: FlagStorage, since: number): Promise<readonly string[]> {
  return (await storage.listInstances(since)).map(({ id }) => id);
}
