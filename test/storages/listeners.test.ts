import { describe, expect, it } from "vitest";
import { silentLog } from "../../lib/feature-flags/core/clock.ts";
import { createListeners } from "../../lib/storages/listeners.ts";
import { recordedLog } from "../feature-flags/recorded-log.ts";

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("listeners", () => {
  it("are called once in a turn, however many commits it brought", async () => {
    const listeners = createListeners({ log: silentLog, later: setImmediate });
    let calls = 0;
    listeners.add(() => {
      calls += 1;
    });
    for (let n = 0; n < 10_000; n += 1) listeners.tell();
    expect(calls).toBe(0);
    await turn();
    expect(calls).toBe(1);
    listeners.tell();
    await turn();
    expect(calls).toBe(2);
  });

  it("are called though one of them throws, which is logged", async () => {
    const log = recordedLog();
    const listeners = createListeners({ log, later: setImmediate });
    const failure = new Error("not my day");
    const called: string[] = [];
    listeners.add(() => called.push("first"));
    listeners.add(() => {
      throw failure;
    });
    listeners.add(() => called.push("last"));
    listeners.tell();
    await turn();
    expect(called).toEqual(["first", "last"]);
    expect(log.lines).toMatchObject([{ level: "error", facts: { error: failure } }]);
  });

  it("are not called once they have left, not even for a commit before that", async () => {
    const listeners = createListeners({ log: silentLog, later: setImmediate });
    const called: string[] = [];
    const leave = listeners.add(() => called.push("left"));
    listeners.add(() => called.push("stayed"));
    listeners.tell();
    leave();
    await turn();
    expect(called).toEqual(["stayed"]);
  });

  it("say when the first one comes and when nobody is left, and take nobody once closed", () => {
    const said: string[] = [];
    const listeners = createListeners({
      log: silentLog,
      later: setImmediate,
      onFirst: () => said.push("first"),
      onNone: () => said.push("none"),
    });
    const same = () => undefined;
    const leave = listeners.add(same);
    const leaveToo = listeners.add(same);
    leave();
    leave();
    expect([said, listeners.size]).toEqual([["first"], 1]);
    leaveToo();
    listeners.add(same);
    listeners.close();
    listeners.close();
    listeners.add(same)();
    expect([said, listeners.size]).toEqual([["first", "none", "first", "none"], 0]);
  });
});
